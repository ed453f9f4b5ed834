//! Everything that is counted: what the ledger has a column for, where every frame and byte went, and every anomaly.
//!
//! Two sums hold at any time, and are tests: the frame classes of [`Counters::frames_accounted`] add up to
//! `ledger.frames`; and once everything was finished, the byte classes of [`Counters::bytes_accounted`] add up to
//! [`Counters::bytes_payload`].

use schema::LedgerRow;

/// The anomalies, in the order of the layers, each with its name in summaries and metrics.
macro_rules! anomalies {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)+) => {
        /// Something odd in captured traffic, or something that a bound made us drop. Never an error: counted, and gone on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Anomaly {
            $($(#[$doc])* $variant,)+
        }

        impl Anomaly {
            /// Every anomaly, in the order of the layers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in summaries and metrics: lower case with underscores.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

anomalies! {
    // wire
    /// A frame that ends inside a header that it needs: cut by the capture or the mirror, or malformed.
    HeaderCut = "header_cut",
    /// A header whose fields contradict each other or the bytes there are.
    HeaderMalformed = "header_malformed",
    /// A datagram on a tunnel's port, or a tunnel header, that is not what the port or type promises.
    TunnelMalformed = "tunnel_malformed",
    /// More tunnels or headers inside each other than `Limits` allows.
    NestingTooDeep = "nesting_too_deep",
    /// A PROXY protocol header before VXLAN: a load balancer setting that serves nothing here; it was skipped.
    ProxyHeader = "proxy_header",
    /// More sources or networks than `Limits` allows; the frame is accounted to where it was captured.
    SourcesFull = "sources_full",
    /// An IP datagram whose fragments never all came (or were cut by the mirror), given up.
    FragmentsIncomplete = "fragments_incomplete",
    /// A fragment that fits no datagram: too long, too many, or over the bytes that `Limits` allows.
    FragmentDropped = "fragment_dropped",
    // flow and ledger
    /// The table of connections was full and its longest idle one was given up.
    ConnectionEvicted = "connection_evicted",
    /// More rows in open minutes than `Limits` allows: counted under the source `other`.
    LedgerRowsFull = "ledger_rows_full",
    /// A minute without frames that got no row, in a silence longer than `Limits` allows.
    LedgerMinuteSkipped = "ledger_minute_skipped",
    // tcp
    /// The same segment of the same packet twice: two mirror points, or two VLAN hops.
    TcpDuplicate = "tcp_duplicate",
    /// Payload that was sent again, in whole or in part.
    TcpRetransmission = "tcp_retransmission",
    /// Payload sent again with other content than the first copy, which was kept.
    TcpConflict = "tcp_conflict",
    /// A segment that came before its predecessors and was held.
    TcpOutOfOrder = "tcp_out_of_order",
    /// A keep-alive probe: its byte is none of the stream's.
    TcpKeepAlive = "tcp_keep_alive",
    /// A segment too far from its connection to belong to it; its payload was discarded.
    TcpOutOfWindow = "tcp_out_of_window",
    /// Payload after the end of its stream, or of its connection; discarded.
    TcpAfterClose = "tcp_after_close",
    /// A reset whose sequence number is not in the window, or after which its sender went on: ignored.
    TcpResetIgnored = "tcp_reset_ignored",
    /// A SYN with another sequence number on a busy connection: ignored.
    TcpSynIgnored = "tcp_syn_ignored",
    /// A new connection with the addresses and ports of an old one, whose end was not seen.
    TcpPortReuse = "tcp_port_reuse",
    /// Held segments reached a bound of `Limits`: the hole before them was declared a gap early.
    TcpBufferFull = "tcp_buffer_full",
    /// A connection of which only one direction is seen.
    TcpOneSided = "tcp_one_sided",
    // http
    /// A message head that is none: the parser looks for the next plausible message.
    HttpHeadMalformed = "http_head_malformed",
    /// A head that only a lenient reader takes: folded lines, NULs, a space before the colon, an odd version.
    HttpHeadOdd = "http_head_odd",
    /// A head longer than `Limits` allows; the message is lost and the next one is looked for.
    HttpHeadTooLong = "http_head_too_long",
    /// A head with more fields than `Limits` allows; the first ones were kept.
    HttpHeadersCut = "http_headers_cut",
    /// A head that the mirror tore or the connection's end cut; its message is lost.
    HttpHeadLost = "http_head_lost",
    /// Length fields that contradict each other or RFC 9112 section 6.3; the framing is assumed.
    HttpFramingFaulty = "http_framing_faulty",
    /// Chunked coding that is none (RFC 9112 section 7.1), or a chunk line longer than `Limits` allows.
    HttpChunkMalformed = "http_chunk_malformed",
    /// A trailer section longer than `Limits` allows; it was left out.
    HttpTrailersCut = "http_trailers_cut",
    /// A message found by looking for it, after loss or after bytes that are none.
    HttpResynchronised = "http_resynchronised",
    /// The two ends of a connection had been taken for each other.
    HttpEndsSwapped = "http_ends_swapped",
    /// Bytes where an HTTP/2 frame or preface is due that are none, or a frame that its stream has no place for.
    Http2FrameMalformed = "http2_frame_malformed",
    /// A header block that is none (RFC 7541); what it told to remember is unknown from then on.
    Http2BlockMalformed = "http2_block_malformed",
    /// A header block that is longer, or comes in more frames, than `Limits` allows, or that was broken off.
    Http2BlockGivenUp = "http2_block_given_up",
    /// A header field of which a part was told before the recorder listened, or in bytes that were lost; it was left out.
    Http2FieldUnknown = "http2_field_unknown",
    /// A sender that remembers more header fields than `Limits` allows; older ones are unknown when it refers to them.
    Http2TableFull = "http2_table_full",
    /// A stream that was reset.
    Http2StreamReset = "http2_stream_reset",
    /// More streams under way than `Limits` allows; the oldest was given up.
    Http2StreamsFull = "http2_streams_full",
    /// More streams reset or given up than are remembered; a late frame of one that is not may look like a response to no
    /// request.
    Http2ResetsFull = "http2_resets_full",
    /// A body that was cut because the bodies of a connection's streams hold as much as `Limits` allows.
    Http2BodiesFull = "http2_bodies_full",
    // pairing
    /// A response to no request that was seen.
    ResponseUnasked = "response_unasked",
    /// More requests wait for their responses than `Limits` allows; the oldest was given up.
    PipelineFull = "pipeline_full",
    /// A response body that does not decode as its Content-Encoding says, or too far; it was kept raw.
    ContentNotDecoded = "content_not_decoded",
}

/// Counts of one source, network and minute; the ledger keeps one of these for each, and totals are their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The columns of the ledger (`minute`, `source` and `vni` are the key, left empty here).
    pub ledger: LedgerRow,
    /// TCP segments with payload.
    pub frames_payload: u64,
    /// TCP segments without payload: handshakes, acknowledgements, ends.
    pub frames_no_payload: u64,
    /// IP fragments that only wait for others; the one that completes a datagram counts as what the datagram is.
    pub frames_fragment: u64,
    /// IP packets of another protocol than TCP.
    pub frames_not_tcp: u64,
    /// Frames that carry no IP: ARP, LLDP, spanning tree.
    pub frames_not_ip: u64,
    /// TCP payload captured, every copy of it.
    pub bytes_payload: u64,
    /// TCP payload that was given to the HTTP layer, once and in order.
    pub bytes_delivered: u64,
    /// TCP payload that was there already: retransmissions and duplicates.
    pub bytes_repeated: u64,
    /// TCP payload that belongs to no stream: keep-alive probes, out of window, after the end.
    pub bytes_discarded: u64,
    /// TCP payload that became HTTP messages. With `ledger.bytes_not_http` and `ledger.bytes_tls` it adds up to
    /// [`Counters::bytes_delivered`] once everything was finished.
    pub bytes_http: u64,
    /// How often each anomaly was seen, in the order of [`Anomaly::ALL`].
    anomalies: [u64; Anomaly::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            ledger: LedgerRow::default(),
            frames_payload: 0,
            frames_no_payload: 0,
            frames_fragment: 0,
            frames_not_tcp: 0,
            frames_not_ip: 0,
            bytes_payload: 0,
            bytes_delivered: 0,
            bytes_repeated: 0,
            bytes_discarded: 0,
            bytes_http: 0,
            anomalies: [0; Anomaly::ALL.len()],
        }
    }
}

impl Counters {
    /// Counts an anomaly.
    pub fn count(&mut self, anomaly: Anomaly) {
        self.anomalies[anomaly as usize] += 1;
    }

    /// Counts an anomaly that happened `times` times.
    pub(crate) fn count_many(&mut self, anomaly: Anomaly, times: u64) {
        self.anomalies[anomaly as usize] += times;
    }

    /// How often an anomaly was seen.
    #[must_use]
    pub fn anomaly(&self, anomaly: Anomaly) -> u64 {
        self.anomalies[anomaly as usize]
    }

    /// Sum of the classes that a frame can be of, undecodable ones included: equal to `ledger.frames`.
    #[must_use]
    pub fn frames_accounted(&self) -> u64 {
        self.frames_payload
            + self.frames_no_payload
            + self.frames_fragment
            + self.frames_not_tcp
            + self.frames_not_ip
            + self.ledger.frames_undecodable
    }

    /// Sum of what became of TCP payload: [`Counters::bytes_payload`] less what connections still hold.
    #[must_use]
    pub fn bytes_accounted(&self) -> u64 {
        self.bytes_delivered + self.bytes_repeated + self.bytes_discarded
    }

    /// Adds another's counts; the key of the ledger row stays.
    pub fn add(&mut self, other: &Self) {
        self.ledger.add(&other.ledger);
        self.frames_payload += other.frames_payload;
        self.frames_no_payload += other.frames_no_payload;
        self.frames_fragment += other.frames_fragment;
        self.frames_not_tcp += other.frames_not_tcp;
        self.frames_not_ip += other.frames_not_ip;
        self.bytes_payload += other.bytes_payload;
        self.bytes_delivered += other.bytes_delivered;
        self.bytes_repeated += other.bytes_repeated;
        self.bytes_discarded += other.bytes_discarded;
        self.bytes_http += other.bytes_http;
        for (sum, count) in self.anomalies.iter_mut().zip(&other.anomalies) {
            *sum += count;
        }
    }
}
