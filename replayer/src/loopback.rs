//! A server on loopback, on a thread of its own, so that it takes nothing from the schedule of the replay beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;

/// The thread that serves.
#[derive(Debug)]
pub(crate) struct Loopback {
    name: &'static str,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Loopback {
    /// Runs `serve` on a free port of loopback until it is stopped or dropped.
    ///
    /// # Errors
    /// If there is no port or no thread.
    pub(crate) fn start<S, F>(name: &'static str, serve: S) -> anyhow::Result<Self>
    where
        S: FnOnce(TcpListener) -> F + Send + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let context = || format!("start the {name} on loopback");
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).with_context(context)?;
        listener.set_nonblocking(true).with_context(context)?;
        let address = listener.local_addr().with_context(context)?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .with_context(context)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve_until_stopped = async move {
            let listener = TcpListener::from_std(listener)
                .with_context(|| format!("start the {name} on loopback"))?;
            tokio::select! {
                served = serve(listener) => served,
                // Also where the other end is dropped, as when the replay failed.
                _ = stopped => Ok(()),
            }
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(serve_until_stopped))
            .with_context(context)?;
        Ok(Self {
            name,
            address,
            stop,
            thread,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it had failed before.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(anyhow!("the {} on loopback panicked", self.name)))
    }
}
