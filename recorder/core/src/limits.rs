//! Every bound of the recorder's core, in one place.

use std::time::Duration;

/// Every bound; reaching one is counted and never an error.
///
/// Each says what it bounds, in which unit, and what happens at the bound. In the order of the layers.
#[derive(Clone, Debug)]
pub struct Limits {
    // wire
    /// Tunnels inside each other (VXLAN, GENEVE, GRE, IP in IP …); a frame with more is undecodable (`nesting_too_deep`).
    pub tunnels_max: u8,
    /// Sources and networks that are told apart; frames of further ones are accounted to, and their connections keyed by,
    /// where they were captured (`sources_full`).
    pub sources_max: usize,
    /// IP datagrams in reassembly; at the bound the oldest is given up (`fragments_incomplete`).
    pub fragmented_datagrams_max: usize,
    /// Bytes held in IP reassembly; at the bound the oldest datagram is given up (`fragments_incomplete`).
    pub fragment_bytes_max: usize,
    /// Packet time after which an incomplete datagram is given up (`fragments_incomplete`).
    pub fragment_wait: Duration,

    // flow and ledger
    /// Connections held; at the bound the longest idle one is given up, closed ones first, then those without payload
    /// (`connection_evicted`).
    pub connections_max: usize,
    /// Packet time without a frame after which a connection that carried payload is ended.
    pub idle_timeout: Duration,
    /// The same for connections that never carried payload.
    pub handshake_timeout: Duration,
    /// Packet time for which an ended connection is remembered, so that late copies of its segments start no new one.
    pub closed_linger: Duration,
    /// Packet time by which a minute must lie behind before its ledger rows are given out; what comes later is counted in
    /// the earliest minute that is still open.
    pub ledger_lateness: Duration,
    /// Ledger rows in open minutes; counts of further ones go to the source `other` (`ledger_rows_full`).
    pub ledger_rows_max: usize,
    /// Rows for successive minutes in which nothing came; in a longer silence the minutes after them get none and count as
    /// not recorded (`ledger_minute_skipped`).
    pub ledger_empty_minutes_max: u64,

    // tcp
    /// Packet time for which a hole that the peer has acknowledged may still be filled by a late frame before it is
    /// declared a gap: mirrors reorder. Also how long the first segments of a connection without handshake are held.
    pub gap_grace: Duration,
    /// Frames of the connection after which [`Limits::gap_grace`] ends early.
    pub gap_grace_frames: u16,
    /// Packet time that a hole which the peer has not acknowledged may wait for its retransmission.
    pub gap_wait: Duration,
    /// The same where the other direction is not seen, so that nobody acknowledges.
    pub gap_wait_one_sided: Duration,
    /// Bytes above a hole, where the other direction is not seen, at which it is declared a gap.
    pub gap_bytes_one_sided: usize,
    /// Bytes held out of order for one direction of a connection (64 added a segment); at the bound the hole before them is
    /// declared a gap (`tcp_buffer_full`).
    pub held_bytes_half_max: usize,
    /// Bytes held out of order for all connections; at the bound the connection that wants more declares its holes
    /// (`tcp_buffer_full`).
    pub held_bytes_max: usize,
    /// How far a sequence number may jump, in bytes, and still belong to the connection; beyond, it is another connection
    /// if the acknowledgement jumps too, and discarded otherwise (`tcp_out_of_window`).
    pub sequence_jump_max: u32,
    /// How far from the expected sequence number, in bytes, a reset is believed (`tcp_reset_ignored`).
    pub reset_window: u32,
    /// Packet time without a frame after which a SYN with another sequence number starts a new connection though the old
    /// one did not end; before, it is ignored (`tcp_syn_ignored`).
    pub reuse_idle: Duration,
    // http and pairing
    /// Bytes of a message head; a longer one is none (`http_head_too_long`).
    pub http_head_bytes_max: usize,
    /// Fields kept of a head or trailer section; further ones are left out (`http_headers_cut`).
    pub http_headers_max: usize,
    /// Bytes of a chunk-size line; a longer one is none (`http_chunk_malformed`).
    pub http_chunk_line_bytes_max: usize,
    /// Bytes kept of a trailer section; a longer one is passed over and left out (`http_trailers_cut`).
    pub http_trailer_bytes_max: usize,
    /// Bytes of a start line that is found by looking for it; longer ones are not found.
    pub http_search_line_bytes_max: usize,
    /// Bytes of one end in which a connection that never showed HTTP is searched for it; what follows is not HTTP.
    pub http_probe_bytes_max: u64,
    /// Servers whose TLS is counted apart; that of further ones is counted together ([`crate::TlsServers::other`]).
    pub tls_servers_max: usize,
    /// Requests of a connection that wait for their responses; at the bound the oldest is given up (`pipeline_full`).
    pub http_pipeline_depth_max: usize,
    /// Bytes of bodies that a connection's unfinished exchanges hold when a request begins; beyond, the oldest are given up
    /// (`pipeline_full`). The request and the response under way then are bounded by the body limit.
    pub http_pending_bytes_max: usize,
    /// HTTP/2 streams of a connection that are under way; at the bound the oldest is given up (`http2_streams_full`).
    /// Bodies of all of them are bounded by [`Limits::http_pending_bytes_max`]: beyond, they are cut (`http2_bodies_full`).
    pub http2_streams_max: usize,
    /// Streams of a connection that were reset or given up and are remembered, so that late frames of them begin nothing;
    /// at the bound the oldest is forgotten (`http2_resets_full`).
    pub http2_resets_max: usize,
    /// Bytes of one direction's HPACK table; of a sender that keeps more, older fields are unknown (`http2_table_full`).
    pub http2_table_bytes_max: usize,
    /// Frames of one header block, which besides has at most [`Limits::http_head_bytes_max`] bytes; a longer one is given up
    /// (`http2_block_given_up`).
    pub http2_continuations_max: u32,
    /// Bytes of a frame's payload where the receiver's own bound was not seen; a longer one is none
    /// (`http2_frame_malformed`).
    pub http2_frame_bytes_max: u32,
    /// Bytes of one end that are held while HTTP/2 frames are looked for in them; a place where they cannot be told within
    /// so many is passed over.
    pub http2_search_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tunnels_max: 6,
            sources_max: 65_536,
            fragmented_datagrams_max: 1_024,
            fragment_bytes_max: 8 << 20,
            fragment_wait: Duration::from_secs(30),
            connections_max: 1_000_000,
            idle_timeout: Duration::from_secs(600),
            handshake_timeout: Duration::from_secs(30),
            closed_linger: Duration::from_secs(5),
            ledger_lateness: Duration::from_secs(60),
            ledger_rows_max: 65_536,
            ledger_empty_minutes_max: 1_440,
            gap_grace: Duration::from_millis(50),
            gap_grace_frames: 1_024,
            gap_wait: Duration::from_secs(10),
            gap_wait_one_sided: Duration::from_secs(2),
            gap_bytes_one_sided: 256 << 10,
            held_bytes_half_max: 4 << 20,
            held_bytes_max: 64 << 20,
            sequence_jump_max: 64 << 20,
            reset_window: 1 << 20,
            reuse_idle: Duration::from_secs(1),
            http_head_bytes_max: 256 << 10,
            http_headers_max: 2_048,
            http_chunk_line_bytes_max: 4 << 10,
            http_trailer_bytes_max: 64 << 10,
            http_search_line_bytes_max: 16 << 10,
            http_probe_bytes_max: 256 << 10,
            tls_servers_max: 1_024,
            http_pipeline_depth_max: 1_024,
            http_pending_bytes_max: 64 << 20,
            http2_streams_max: 1_024,
            http2_resets_max: 256,
            http2_table_bytes_max: 64 << 10,
            http2_continuations_max: 64,
            http2_frame_bytes_max: (1 << 24) - 1,
            http2_search_bytes_max: 64 << 10,
        }
    }
}
