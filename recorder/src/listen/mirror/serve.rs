//! Connections from proxies: read, answered, and handed on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use recorder_core::{Limits, MirrorConnection, MirrorStep, NotRequest, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::desk::Desk;
use crate::clock;
use crate::config::Config;
use crate::listen::limits::ListenLimits;
use crate::listen::stats::Shared;

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const LAST_ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
const CONSENT: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const REFUSAL: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// How often it is looked whether recording is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Service {
    desk: Desk,
    options: Options,
    core: Limits,
    limits: ListenLimits,
    /// The minute in which something was last said of what comes, nanoseconds since 1970.
    told: AtomicU64,
}

impl Service {
    pub(super) fn new(desk: Desk, config: &Config, limits: ListenLimits) -> Self {
        Self {
            desk,
            options: config.options.clone(),
            core: config.limits.clone(),
            limits,
            told: AtomicU64::new(0),
        }
    }

    /// Takes requests until recording ends; then those under way are told as they are.
    pub(super) async fn serve(self, listener: TcpListener, shared: Arc<Shared>) {
        let room = Arc::new(Semaphore::new(self.limits.mirror_connections));
        let service = Arc::new(self);
        // Nothing is ever sent: that the other end is gone is what connections wait for.
        let (stop, stopped) = watch::channel(());
        let mut look = tokio::time::interval(LOOK_EVERY);
        while !shared.stopping() {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = look.tick() => continue,
            };
            let Ok((stream, peer)) = accepted else {
                // No file descriptor is left, most likely: others will be closed.
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                // The proxy has opened it for one request.
                service.desk.shed(clock::now());
                continue;
            };
            let (service, stopped) = (Arc::clone(&service), stopped.clone());
            tokio::spawn(async move {
                service.connection(stream, peer, stopped).await;
                drop(permit);
            });
        }
        drop(stop);
    }

    async fn connection(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        mut stopped: watch::Receiver<()>,
    ) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        // Answers are small, and each is waited for.
        let _ = stream.set_nodelay(true);
        let mut held = Held {
            desk: &self.desk,
            bytes: 0,
        };
        let mut connection = MirrorConnection::new(peer, local, clock::now());
        match self
            .talk(&mut stream, &mut connection, &mut held, &mut stopped)
            .await
        {
            // What it holds is no request of the archive's any more.
            End::Shed => self.desk.shed(clock::now()),
            End::Closed => {
                if let Some(left) = connection.finish(clock::now()) {
                    drop(held);
                    self.desk.put(left);
                }
            }
        }
    }

    /// Reads and answers until the proxy closes, is too slow, or says what is no request, or recording ends.
    async fn talk(
        &self,
        stream: &mut TcpStream,
        connection: &mut MirrorConnection,
        held: &mut Held<'_>,
        stopped: &mut watch::Receiver<()>,
    ) -> End {
        let mut buffer = vec![0; READ_BYTES];
        let mut head_until = None;
        loop {
            let wait = if connection.is_between_requests() {
                self.limits.mirror_idle
            } else if connection.is_in_head() {
                // Of a head, bytes that drip in give no further time.
                let until =
                    *head_until.get_or_insert_with(|| Instant::now() + self.limits.http_head_wait);
                until.saturating_duration_since(Instant::now())
            } else {
                self.limits.mirror_body_wait
            };
            // Here only may the end come in between: a request that was answered is handed on.
            let read = tokio::select! {
                read = timeout(wait, stream.read(&mut buffer)) => read,
                _ = stopped.changed() => return End::Closed,
            };
            let Ok(Ok(len @ 1..)) = read else {
                return End::Closed;
            };
            if !self.take(stream, connection, held, &buffer[..len]).await {
                return End::Closed;
            }
            if !connection.is_in_head() {
                head_until = None;
            }
            if !held.set(connection.held()) {
                self.say(stream, BUSY).await;
                return End::Shed;
            }
        }
    }

    /// Takes bytes, and answers what they complete; false if the connection is to be closed.
    async fn take(
        &self,
        stream: &mut TcpStream,
        connection: &mut MirrorConnection,
        held: &mut Held<'_>,
        mut bytes: &[u8],
    ) -> bool {
        while !bytes.is_empty() {
            let now = clock::now();
            match connection.handle_bytes(now, &mut bytes, &self.core, &self.options) {
                MirrorStep::Read => {}
                MirrorStep::Continue => {
                    if !self.say(stream, CONSENT).await {
                        return false;
                    }
                }
                MirrorStep::Answer(mirrored) => {
                    let keeps = mirrored.keeps_connection();
                    let said = self
                        .say(stream, if keeps { ANSWER } else { LAST_ANSWER })
                        .await;
                    held.set(0);
                    self.desk.put(*mirrored);
                    if !keeps || !said {
                        return false;
                    }
                }
                MirrorStep::Refuse(why) => {
                    self.tell(why);
                    self.say(stream, REFUSAL).await;
                    return false;
                }
            }
        }
        true
    }

    /// Writes; false if the other end does not read.
    async fn say(&self, stream: &mut TcpStream, words: &[u8]) -> bool {
        let said = timeout(self.limits.http_head_wait, stream.write_all(words)).await;
        matches!(said, Ok(Ok(())))
    }

    /// Says what a proxy does that can be set otherwise, once a minute.
    fn tell(&self, why: NotRequest) {
        let advice = match why {
            NotRequest::Http2 => "HTTP/2 came to --http-mirror: let the proxy use HTTP/1.1 for it",
            NotRequest::Tls => "TLS came to --http-mirror: let the proxy use plain HTTP for it",
            NotRequest::HeadTooLong | NotRequest::NotHttp => {
                "what came to --http-mirror is no request: is its address given to something else?"
            }
        };
        let minute = clock::now().minute().as_nanos();
        if self.told.swap(minute, Ordering::Relaxed) != minute {
            warn!("{advice}");
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    /// There was no room for its request.
    Shed,
}

/// Bytes that a connection holds; given back when it ends.
#[derive(Debug)]
struct Held<'d> {
    desk: &'d Desk,
    bytes: usize,
}

impl Held<'_> {
    /// Holds so many; false if there is no room for them.
    fn set(&mut self, bytes: usize) -> bool {
        let books = self.desk.books();
        books.release(std::mem::take(&mut self.bytes));
        let held = books.hold(bytes);
        if held {
            self.bytes = bytes;
        }
        held
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.desk.books().release(self.bytes);
    }
}
