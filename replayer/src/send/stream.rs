//! Bytes to and from the target: a socket, or TLS over one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::tls::{self, Alpn, Tls};
use super::{Failure, Shared, Target};

/// A connection to the target.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Opens a connection for HTTP/1.1.
    pub(super) async fn connect(shared: &Shared) -> Result<Self, Failure> {
        Self::open(&shared.target, shared.tls.as_ref(), Alpn::Http1)
            .await
            .map_err(|error| Failure::of_io(&error))
    }

    /// Opens a connection for HTTP/2: agreed on by ALPN, or with prior knowledge (RFC 9113 section 3.3).
    pub(super) async fn connect_http_2(shared: &Shared) -> Result<Self, Failure> {
        let opened = Self::open(&shared.target, shared.tls.as_ref(), Alpn::Http2).await;
        match opened.map_err(|error| Failure::of_io(&error))? {
            Self::Tls(stream) if !tls::is_http_2(&stream) => Err(Failure::TlsFailed),
            stream => Ok(stream),
        }
    }

    /// Opens a connection; the target's name is looked up each time, as the addresses behind a load balancer change.
    pub(super) async fn open(target: &Target, tls: Option<&Tls>, alpn: Alpn) -> io::Result<Self> {
        let stream = TcpStream::connect((target.host(), target.port())).await?;
        stream.set_nodelay(true)?;
        match tls {
            None => Ok(Self::Plain(stream)),
            Some(tls) => Ok(Self::Tls(Box::new(tls.connect(stream, alpn).await?))),
        }
    }

    /// Whether the target has kept the connection open since its last answer, and has said nothing that was not asked for.
    ///
    /// What the runtime has not looked at yet is not known of unless `thorough`, which asks the kernel.
    pub(super) async fn is_idle(&mut self, thorough: bool) -> bool {
        if thorough {
            let mut byte = [0];
            let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            let peeked = rustix::net::recv(self.socket(), &mut byte, flags);
            match (peeked, &self) {
                (Err(rustix::io::Errno::AGAIN), _) => return true,
                // TLS has messages of its own, such as tickets.
                (Ok((_, 1..)), Self::Tls(_)) => {}
                _ => return false,
            }
        }
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        std::future::poll_fn(|context| {
            let read = self.poll_read(context, &mut buffer);
            Poll::Ready(read.is_pending())
        })
        .await
    }

    /// Reads into `buffer`; nothing is the end.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }

    /// Writes some of `bytes`, at least one.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        match ready!(written)? {
            0 => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            written => Poll::Ready(Ok(written)),
        }
    }

    /// Passes on what TLS still holds.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}
