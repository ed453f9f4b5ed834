//! Live recording: mirrored packets from sockets into the archive, until told to stop.
//!
//! ```text
//! UDP sockets ─Frame→ shard: Pipeline ─Batch→ queue ─→ recording: spool, writer ─→ upload ─→ archive
//!  (a group)   ╲      one thread each         bytes     one thread                 tokio
//!               forward: fragments, to the shard that has their connection
//! ```
//! What comes after a batch is that of all recording: `crate::queue`, `crate::recording`, `crate::spool`.
//!
//! * `udp`, `tap`, `sys`, `steer`: sockets and rings of interfaces, and which of a group gets a datagram or packet.
//! * `shard`, `forward`, `sources`: one thread from sockets to exchanges.
//! * `mirror`: requests that proxies copy to us over HTTP, beside the shards.
//! * `shed`: what is let go when frames come too fast.
//! * `threads`, `supervise`: all of it started, and the one loop that runs beside it.
//! * `stats`, `watch`, `operate`, `status`: what is told while it runs.
//!
//! Every buffer is bounded. Without a spool, when the archive's store is slow, the queue fills; then shards wait, and what
//! the sockets cannot hold is dropped there: one place, counted in the ledger.

mod forward;
mod limits;
mod mirror;
mod operate;
mod rules;
mod shard;
mod shed;
mod sources;
mod stats;
mod status;
mod steer;
mod supervise;
mod sys;
mod tap;
mod threads;
mod udp;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use recorder_core::LinkType;
use schema::{RecorderId, SegmentOptions};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tracing::info;

use crate::capture::Report;
use crate::clock;
use crate::config::Config;
use crate::live::{Feed, Live, Server};
use crate::publish::Outgoing;
use crate::queue::Queue;
use crate::recording::{Recorded, WriterStats};
use crate::shard::Done;
use crate::spool::Spool;
use crate::store::Archive;
use crate::summary::{About, Spooled, Summary};
use crate::upload::{Left, Uploader};
use crate::writer::Sealed;

use rules::Rules;
use stats::{Shared, Snapshot};
use status::Status;
use supervise::{Pages, Supervisor};
use tap::Tap;
use threads::Threads;
use udp::{Line, Setup};
use watch::Watch;

pub use limits::ListenLimits;
pub use shed::Shed;
pub(crate) use sys::yield_processor;

/// What `recorder listen` receives, and how.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where VXLAN comes to.
    pub vxlan: Option<SocketAddr>,
    /// Where GENEVE comes to.
    pub geneve: Option<SocketAddr>,
    /// Interfaces whose packets are captured.
    pub interfaces: Vec<String>,
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
    /// How what is recorded is served to subscribers.
    pub live: Option<Live>,
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
    taps: Vec<Tap>,
    bound: Bound,
    mirror: Option<TcpListener>,
    health: Option<TcpListener>,
    metrics: Option<TcpListener>,
    live: Option<TcpListener>,
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
    /// The live stream.
    pub live: Option<SocketAddr>,
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
        let mut taps = Vec::new();
        for interface in &listen.interfaces {
            taps.extend(tap::open(interface, setup.shards, setup.receive_buffer)?);
        }
        let mirror = open("--http-mirror", listen.http_mirror, &mut bound.http_mirror).await?;
        let health = open("--health", listen.health, &mut bound.health).await?;
        let metrics = open("--metrics", listen.metrics, &mut bound.metrics).await?;
        let live = listen.live.as_ref().map(|live| live.address);
        let live = open("--live", live, &mut bound.live).await?;
        Ok(Self {
            config,
            listen,
            lines,
            taps,
            bound,
            mirror,
            health,
            metrics,
            live,
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
            taps,
            bound,
            mirror,
            health,
            metrics,
            live,
        } = self;
        let archive = Archive::open(&config.archive, &config.keys)?;
        let shown = archive.shown.clone();
        let (spool, recorder) = spool_and_name(&config)?;
        let mut options = crate::segment_options(&config, &recorder);
        options.spool = spool.as_ref().map(|spool| spool.id().to_string());
        let mut uploader = uploader(&config, archive, &recorder);
        let feed = (live.as_ref()).map(|_| Feed::of(spool.as_ref(), &listen.limits));
        let (destination, mut outgoing) = Outgoing::new(spool);
        let (backlog, folder) = (outgoing.backlog(), outgoing.folder());
        let stats = Arc::new(WriterStats::new(backlog.clone()));
        let (queue, batches) = Queue::new(listen.limits.queue_bytes);
        let shards = listen.shards.max(1) + usize::from(mirror.is_some());
        let shared = Arc::new(Shared::new(shards, queue, Arc::clone(&stats)));
        let threads = Threads {
            config: &config,
            listen: &listen,
            recorder: &recorder,
            shared: &shared,
        };
        let mirror =
            mirror.map(|listener| mirror::start(listener, &config, &listen.limits, &shared));
        let received = (lines, taps);
        let threads = threads.start(received, mirror, (destination, batches), feed.clone())?;
        let server = serve(live, feed.as_ref(), &listen, options);
        bound.tell(&recorder, &shown, folder.as_deref(), &listen.interfaces);
        let supervisor = Supervisor {
            shared: Arc::clone(&shared),
            pages: Pages::serve(health, metrics, &listen.limits),
            status: Status::new(config.progress),
            watch: Watch::new(clock::now()),
            rules: Rules::new(config.options.redaction.clone()),
            listen,
            backlog,
            feed,
        };
        let upload = async {
            outgoing.probe(&uploader).await?;
            let published = |sealed: &Sealed| stats.published(sealed);
            outgoing.publish(&mut uploader, published).await
        };
        // On the heap: it holds all that runs.
        let run = Box::pin(supervisor.run(upload, threads, shutdown));
        let (recorded, left) = run.await?;
        if let Some(server) = server {
            server.drain().await;
        }
        let about = About {
            recorder: &recorder,
            archive: &shown,
            redaction: config.options.redaction.as_ref(),
            took: started.elapsed(),
            spool: folder.map(|folder| spooled(folder, recorded, left)),
        };
        let done = done(shared.sum());
        Ok(Summary::new(&about, done, uploader.published()))
    }
}

impl Bound {
    /// Says that the recorder listens, and where.
    fn tell(
        &self,
        recorder: &RecorderId,
        archive: &str,
        spool: Option<&str>,
        interfaces: &[String],
    ) {
        let interfaces = (!interfaces.is_empty()).then(|| interfaces.join(" "));
        let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        info!(
            %recorder,
            archive,
            spool,
            vxlan = text(self.vxlan),
            geneve = text(self.geneve),
            interfaces,
            health = text(self.health),
            http_mirror = text(self.http_mirror),
            metrics = text(self.metrics),
            live = text(self.live),
            "listening"
        );
    }
}

/// The spool, if there is to be one, and who records: its owner, who was named, or this machine.
fn spool_and_name(config: &Config) -> anyhow::Result<(Option<Spool>, RecorderId)> {
    let named = config.recorder.as_ref();
    let Some(options) = &config.spool else {
        return Ok((None, named.cloned().unwrap_or_else(host_id)));
    };
    let spool = Spool::open(options.clone(), &config.keys, named, Some(host_id()))?;
    let recorder = spool.recorder().clone();
    Ok((Some(spool), recorder))
}

fn uploader(config: &Config, archive: Archive, recorder: &RecorderId) -> Uploader {
    let (retry_for, unconditional) = (config.retry_for, config.allow_unconditional);
    Uploader::new(archive, recorder.clone(), retry_for, unconditional)
}

fn spooled(folder: String, recorded: Recorded, left: Left) -> Spooled {
    Spooled {
        folder,
        recorded,
        left,
    }
}

/// Begins to serve the live stream, if there is to be one.
fn serve(
    listener: Option<TcpListener>,
    feed: Option<&Arc<Feed>>,
    listen: &Listen,
    options: SegmentOptions,
) -> Option<Arc<Server>> {
    let (listener, feed, how) = (listener?, Arc::clone(feed?), listen.live.as_ref()?);
    let server = Arc::new(Server::new(how, feed, options, &listen.limits));
    tokio::spawn(Arc::clone(&server).serve(listener));
    Some(server)
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
