//! Every known way in which readers of mirrored traffic go wrong, with the tests that show that this one does not.
//!
//! The first table is what TCP and IP do that naive reassembly does not expect; the others are bugs found in other recorders.

use std::collections::BTreeSet;

use tests::{source_files, workspace};

/// What goes wrong, and the tests that cover it: functions, or golden captures by their names.
type Row = (&'static str, &'static [&'static str]);

const TCP: [Row; 18] = [
    (
        "1. a truncated segment taken for a full one",
        &[
            "truncated_in_body",
            "truncated_in_head",
            "a_cut_segment_is_a_hole_at_its_end",
            "what_is_missing_is_what_was_removed",
        ],
    ),
    (
        "2. a keep-alive probe taken for data",
        &[
            "keep_alive_probe",
            "keep_alive_probe_before_its_byte",
            "probes_are_not_data",
        ],
    ),
    (
        "3. a zero-window probe delivered twice",
        &["zero_window_probe"],
    ),
    (
        "4. retransmission with other borders",
        &["retransmission_with_other_borders", "overlap"],
    ),
    (
        "5. retransmission with other content",
        &["conflicting_copies", "counts_what_is_odd"],
    ),
    (
        "6. data on SYN and SYN-ACK",
        &["data_on_the_handshake", "handshakes_in_every_order"],
    ),
    (
        "7. data on FIN, FIN before missing data",
        &[
            "last_data_with_fin",
            "end_before_missing_data",
            "end_overtakes_the_first_data",
        ],
    ),
    (
        "8. resets out of window, early, with text",
        &[
            "resets_false_and_true",
            "reset_overtakes_data",
            "resets_end_a_connection_after_what_they_overtook",
        ],
    ),
    (
        "9. reuse of ports",
        &[
            "port_reuse_after_close",
            "port_reuse_without_close",
            "port_reuse_near",
            "tells_a_new_connection_from_the_old_one",
        ],
    ),
    (
        "10. sequence numbers wrap",
        &["sequence_wrap", "sequence_numbers_wrap"],
    ),
    (
        "11. direction where the SYN is missing",
        &[
            "joined_midstream",
            "ends_taken_for_each_other",
            "response_without_request",
        ],
    ),
    (
        "12. SYN-ACK before SYN",
        &["syn_ack_before_syn", "handshakes_in_every_order"],
    ),
    ("13. wrong checksums", &["checksum_is_wrong"]),
    (
        "14. copies from two mirror points or VLANs",
        &[
            "copies_from_two_vlans",
            "reordering_and_repeating_change_nothing",
        ],
    ),
    ("15. urgent data", &["urgent_data"]),
    (
        "16. fragments of the inner packet",
        &[
            "ip_fragments",
            "ip_fragment_lost",
            "fragments_follow_the_first_one",
            "shards_record_what_one_pipeline_does",
        ],
    ),
    (
        "17. window checks on a lossy mirror",
        &["long_url", "late_but_not_lost"],
    ),
    (
        "18. unbounded state",
        &[
            "half_open_connections",
            "one_sided_connections",
            "requests_that_wait",
            "connections_at_once",
        ],
    ),
];

const RECORDER_OF_MESSAGES: [Row; 17] = [
    (
        "1. the acknowledgement changes during an upload",
        &["acknowledgement_moves_during_upload"],
    ),
    (
        "2. pipelined requests in one segment",
        &["pipelined_in_one_packet", "pipelined_across_packets"],
    ),
    (
        "3. lengths in answers to HEAD and in 304",
        &["head_and_304_with_content_length"],
    ),
    (
        "4. HTTP/1.0 answers that the close ends",
        &[
            "http10_answer_ended_by_fin",
            "close_delimited_in_one_packet",
        ],
    ),
    (
        "5. the chunked terminator in two packets",
        &["chunked_byte_by_byte"],
    ),
    (
        "6. chunk data that looks like the terminator",
        &["chunk_data_looks_like_the_end"],
    ),
    (
        "7. a body that looks like a head",
        &["body_looks_like_a_head"],
    ),
    ("8. a segment of NUL bytes", &["body_of_zeros"]),
    ("9. Ethernet padding", &["ethernet_padding"]),
    (
        "10. retransmission with other borders",
        &["retransmission_with_other_borders", "overlap"],
    ),
    ("11. sequence numbers wrap", &["sequence_wrap"]),
    ("12. a URL longer than a segment", &["long_url"]),
    (
        "13. unknown methods and statuses",
        &["odd_method_and_status", "any_method_and_any_status"],
    ),
    ("14. pauses in old captures", &["pauses_inside_messages"]),
    (
        "15. cost that grows with the square",
        &["one_upload_costs_no_more_per_byte_when_it_is_longer"],
    ),
    (
        "16. connections with the same sum of addresses",
        &["addresses_with_the_same_sum"],
    ),
    (
        "17. long bodies cut in silence",
        &["a_body_beyond_the_limit_is_cut_and_says_so"],
    ),
];

const RECEIVER_OF_VXLAN: [Row; 4] = [
    (
        "1. jumbo frames cut by a small buffer",
        &["wrapping_changes_nothing"],
    ),
    (
        "2. drops that nothing counts",
        &["drops_of_the_socket_are_counted"],
    ),
    (
        "3. a crash on a datagram of four bytes",
        &["reads_every_tunnel", "arbitrary_frames_are_accounted_for"],
    ),
    (
        "4. network ids thrown away, times of receipt",
        &["same_addresses_in_two_networks", "vxlan"],
    ),
];

const STREAM_READER: [Row; 4] = [
    (
        "1. lost bytes of a body taken from the next request",
        &["lost_in_request_body", "nothing_damaged_is_called_whole"],
    ),
    (
        "2. a broken chunk stops everything",
        &["chunk_size_is_no_number", "lost_chunk_size"],
    ),
    (
        "3. late where joined or idle, unbounded pages",
        &["joined_midstream", "idle_expiry", "bytes_out_of_order"],
    ),
    (
        "4. sampling that flips",
        &["one_user_is_always_in_or_always_out"],
    ),
];

#[test]
fn every_pitfall_has_its_tests() {
    let mut known = BTreeSet::new();
    for path in source_files(&["rs"]) {
        if path.starts_with(workspace().join("tests/it/pitfalls.rs")) {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line = line.trim_start();
            let name = line
                .strip_prefix("fn ")
                .or_else(|| line.split_once(" => ").map(|_| line));
            let name = name.map(|name| name.split([' ', '(', '<']).next().unwrap_or_default());
            known.extend(name.map(str::to_owned));
        }
    }
    let tables = [
        &TCP[..],
        &RECORDER_OF_MESSAGES,
        &RECEIVER_OF_VXLAN,
        &STREAM_READER,
    ];
    let rows = tables.into_iter().flatten();
    let missing: Vec<_> = rows
        .flat_map(|(what, tests)| tests.iter().map(move |test| (what, test)))
        .filter(|(_, test)| !known.contains(**test))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
