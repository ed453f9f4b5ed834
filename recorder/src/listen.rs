//! Live recording: mirrored packets from sockets into the archive, until told to stop.
//!
//! ```text
//! UDP sockets ─Frame→ shard: Pipeline ─Batch→ queue ─→ recording: Writer ─Sealed→ upload ─→ archive
//!  (a group)   ╲      one thread each         bytes     one thread        channel  tokio
//!               forward: fragments, to the shard that has their connection
//! ```
//!
//! * `udp`, `sys`, `steer`: sockets, and which of a group gets a datagram.
//! * `shard`, `forward`, `sources`: one thread from sockets to exchanges.
//! * `mirror`: requests that proxies copy to us over HTTP, beside the shards.
//! * `shed`: what is let go when frames come too fast. `queue`, `recording`: from all shards into segments.
//! * `threads`, `supervise`: all of it started, and the one loop that runs beside it.
//! * `stats`, `watch`, `operate`, `status`: what is told while it runs.
//!
//! Every buffer is bounded. When the archive's store is slow, the queue fills; then shards wait, and what the sockets
//! cannot hold is dropped there: one place, counted in the ledger.

mod clock;
mod forward;
mod limits;
mod mirror;
mod operate;
mod recording;
mod rules;
mod shard;
mod shed;
mod sources;
mod stats;
mod status;
mod steer;
mod supervise;
mod sys;
mod threads;
mod udp;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use recorder_core::LinkType;
use schema::RecorderId;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::info;

use crate::capture::Report;
use crate::config::Config;
use crate::queue::Queue;
use crate::shard::Done;
use crate::store::Archive;
use crate::summary::{About, Summary};
use crate::upload::Uploader;

use recording::Outgoing;
use rules::Rules;
use stats::{Shared, Snapshot};
use status::Status;
use supervise::{Pages, Supervisor};
use threads::Threads;
use udp::{Line, Setup};
use watch::Watch;

pub use limits::ListenLimits;
pub use shed::Shed;

/// Sealed segments that wait for the uploader, beside the one that it is at.
const SEALED_WAITING: usize = 1;

/// What `recorder listen` receives, and how.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where VXLAN comes to.
    pub vxlan: Option<SocketAddr>,
    /// Where GENEVE comes to.
    pub geneve: Option<SocketAddr>,
    /// Where proxies copy requests to.
    pub http_mirror: Option<SocketAddr>,
    /// Threads that receive and record.
    pub shards: usize,
    /// Receive buffer to ask for, bytes, for each socket.
    pub receive_buffer: u64,
    /// What is done when frames come too fast.
    pub shed: Shed,
    /// Where health is told.
    pub health: Option<SocketAddr>,
    /// Share of frames dropped within a minute above which the recorder is not healthy, 0 to 1.
    pub max_drops: f64,
    /// Where metrics are told.
    pub metrics: Option<SocketAddr>,
    /// How long the end may take once the recorder is told to stop.
    pub drain: Duration,
    /// Bounds.
    pub limits: ListenLimits,
}

/// A recorder that has its sockets, and has not begun.
#[derive(Debug)]
pub struct Listener {
    config: Config,
    listen: Listen,
    lines: Vec<Line>,
    bound: Bound,
    mirror: Option<TcpListener>,
    health: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

/// Where a recorder listens: with the ports that the system chose for port 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// VXLAN.
    pub vxlan: Option<SocketAddr>,
    /// GENEVE.
    pub geneve: Option<SocketAddr>,
    /// Copies of requests.
    pub http_mirror: Option<SocketAddr>,
    /// Health.
    pub health: Option<SocketAddr>,
    /// Metrics.
    pub metrics: Option<SocketAddr>,
}

impl Listener {
    /// Opens every address.
    ///
    /// # Errors
    /// If one cannot be had, or the configuration is not one for listening.
    pub async fn bind(config: Config) -> anyhow::Result<Self> {
        let Some(listen) = config.listen.clone() else {
            bail!("the configuration is for reading captures, not for listening");
        };
        let setup = Setup {
            shards: listen.shards.max(1),
            receive_buffer: listen.receive_buffer,
            vxlan_port: config
                .options
                .tunnel_ports
                .vxlan
                .first()
                .copied()
                .unwrap_or(4789),
        };
        let mut bound = Bound::default();
        let mut lines = Vec::new();
        for (tunnel, address, place) in [
            (LinkType::Vxlan, listen.vxlan, &mut bound.vxlan),
            (LinkType::Geneve, listen.geneve, &mut bound.geneve),
        ] {
            if let Some(address) = address {
                let (address, opened) = udp::open(tunnel, address, setup)?;
                *place = Some(address);
                lines.extend(opened);
            }
        }
        let mirror = open("--http-mirror", listen.http_mirror, &mut bound.http_mirror).await?;
        let health = open("--health", listen.health, &mut bound.health).await?;
        let metrics = open("--metrics", listen.metrics, &mut bound.metrics).await?;
        Ok(Self {
            config,
            listen,
            lines,
            bound,
            mirror,
            health,
            metrics,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Records until `shutdown` is ready; then everything that is under way is recorded as it is, and published.
    ///
    /// # Errors
    /// If the archive cannot be written to, or not within the time for draining.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<Summary> {
        let started = Instant::now();
        let Self {
            config,
            listen,
            lines,
            bound,
            mirror,
            health,
            metrics,
        } = self;
        let archive = Archive::open(&config.archive)?;
        let shown = archive.shown.clone();
        let recorder = config.recorder.clone().unwrap_or_else(host_id);
        let mut uploader = Uploader::new(
            archive,
            recorder.clone(),
            config.retry_for,
            config.allow_unconditional,
        );
        let (queue, batches) = Queue::new(listen.limits.queue_bytes);
        let shared = Arc::new(Shared::new(listen.shards.max(1) + 1, queue));
        let (segments, sealed) = mpsc::channel(SEALED_WAITING);
        let threads = Threads {
            config: &config,
            listen: &listen,
            recorder: &recorder,
            shared: &shared,
        };
        let mirror =
            mirror.map(|listener| mirror::start(listener, &config, &listen.limits, &shared));
        let threads = threads.start(lines, mirror, batches, segments)?;
        let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        info!(
            recorder = %recorder,
            archive = shown,
            vxlan = text(bound.vxlan),
            geneve = text(bound.geneve),
            http_mirror = text(bound.http_mirror),
            health = text(bound.health),
            metrics = text(bound.metrics),
            "listening"
        );
        let supervisor = Supervisor {
            shared: Arc::clone(&shared),
            pages: Pages::serve(health, metrics, &listen.limits),
            status: Status::new(config.progress),
            watch: Watch::new(clock::now()),
            rules: Rules::new(config.options.redaction.clone()),
            listen,
        };
        let upload = publish_all(&mut uploader, sealed, &shared);
        supervisor.run(upload, threads, shutdown).await?;
        let about = About {
            recorder: &recorder,
            archive: &shown,
            redaction: config.options.redaction.as_ref(),
            took: started.elapsed(),
            spool: None,
        };
        let done = done(shared.sum());
        Ok(Summary::new(&about, done, uploader.published()))
    }
}

async fn open(
    flag: &str,
    address: Option<SocketAddr>,
    place: &mut Option<SocketAddr>,
) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = operate::bind(flag, address).await?;
    *place = Some(listener.local_addr()?);
    Ok(Some(listener))
}

/// Publishes segments until there are no more.
async fn publish_all(
    uploader: &mut Uploader,
    mut sealed: mpsc::Receiver<Outgoing>,
    shared: &Shared,
) -> anyhow::Result<()> {
    while let Some(outgoing) = sealed.recv().await {
        uploader.publish(&outgoing.sealed).await?;
        let bytes = outgoing.sealed.segment.bytes.len() as u64;
        shared
            .writer
            .published(outgoing.exchanges(), bytes, outgoing.at);
    }
    Ok(())
}

/// What was done, as a recording of captures tells it.
fn done(snapshot: Snapshot) -> Done {
    Done {
        counters: snapshot.counters,
        exchanges: snapshot.exchanges,
        tls: snapshot.tls,
        matches: snapshot.matches,
        report: Report {
            span: snapshot.span,
            ..Report::default()
        },
        interrupted: false,
    }
}

/// The name of this machine, as far as it can be part of a segment's name.
fn host_id() -> RecorderId {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let legal: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        .take(64)
        .collect();
    let parsed = legal.parse().or_else(|_| "recorder".parse());
    parsed.expect("letters are a recorder id")
}
