//! Every bound of the live recorder outside its core, in one place.

use std::time::Duration;

/// Every bound; what happens there is said with each.
#[derive(Clone, Debug)]
pub struct ListenLimits {
    /// Bytes of exchanges that wait for the writer, of all shards. At the bound shards wait too, and what the sockets can
    /// no longer hold is dropped there, and counted.
    pub queue_bytes: usize,
    /// Frames that wait to be taken over by another shard, for each shard; further ones are dropped and counted.
    pub forwarded_frames: usize,
    /// How long the system may take from a frame's time until it is in its socket or ring: processors that are busy hand
    /// over what they received with a delay. Nothing is given up as lost before.
    pub frame_delay: Duration,
    /// How far a shard may fall behind the others before they go on without what it may still forward.
    pub shard_lag: Duration,
    /// HTTP connections to the health and metrics addresses, together; further ones are closed at once.
    pub http_connections: usize,
    /// How long an HTTP client or proxy may take for one request's head.
    pub http_head_wait: Duration,
    /// Connections from proxies; a further one is closed at once, and its request counted as let go.
    pub mirror_connections: usize,
    /// Requests from proxies that wait for the thread that records them; further ones are let go and counted.
    pub mirror_requests: usize,
    /// Bytes of requests from proxies, under way and waiting; a request that would exceed them is let go and counted.
    pub mirror_bytes: usize,
    /// How long a proxy's connection may rest between requests; then it is closed.
    pub mirror_idle: Duration,
    /// How long the next bytes of a body may take; then the request is recorded as it is, and its connection closed.
    pub mirror_body_wait: Duration,
    /// Subscribers of the live stream; further ones are told that there are too many.
    pub live_subscribers: usize,
    /// Bytes of recent exchanges that all subscribers read from. Who falls behind that goes on from the spool, or misses what
    /// there is no room for, and is told.
    pub live_recent_bytes: usize,
    /// How long a subscriber waits while the recorder reads what a crash left in its spool; then it is told to ask again.
    pub live_ready: Duration,
    /// How long subscribers may take at the end for what they have not read; then their stream breaks off without its end.
    pub live_drain: Duration,
    /// How long the writer may be at one segment before the recorder calls itself unhealthy.
    pub writer_stall: Duration,
    /// How long a shard goes on reading what its sockets hold once it is told to stop.
    pub drain_sockets: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            queue_bytes: 256 << 20,
            forwarded_frames: 4_096,
            frame_delay: Duration::from_millis(200),
            shard_lag: Duration::from_secs(5),
            http_connections: 64,
            http_head_wait: Duration::from_secs(5),
            mirror_connections: 1_024,
            mirror_requests: 16_384,
            mirror_bytes: 128 << 20,
            mirror_idle: Duration::from_secs(120),
            mirror_body_wait: Duration::from_secs(30),
            live_subscribers: 256,
            live_recent_bytes: 32 << 20,
            live_ready: Duration::from_secs(30),
            live_drain: Duration::from_secs(5),
            writer_stall: Duration::from_secs(30),
            drain_sockets: Duration::from_secs(1),
        }
    }
}
