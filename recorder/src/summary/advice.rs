//! What an operator should do about what a recording lacks.

use super::{SpoolSummary, Summary};
use crate::units::{ByteSize, count};

/// Share of exchanges above which a one-sided recording is worth a word.
const ONE_SIDED_SHARE: f64 = 0.5;

/// One sentence for each thing that is missing and can be mended, most important first.
pub(super) fn advice(summary: &Summary) -> Vec<String> {
    let mut advice = Vec::new();
    let Summary {
        frames,
        payload_bytes,
        ..
    } = summary;
    for (link, count_) in &frames.unsupported_link_types {
        advice.push(format!(
            "{} frames have link type {link}, which is not supported: capture on an Ethernet, raw IP, Linux cooked (any) \
             or loopback interface",
            count(*count_)
        ));
    }
    if frames.untimed > 0 {
        advice.push(format!(
            "{} frames have no time, or one that cannot be, and took that of the frame before: see what wrote the capture",
            count(frames.untimed)
        ));
    }
    if frames.truncated > 0 {
        advice.push(format!(
            "{} frames were cut and lack {}: capture with the full length (tcpdump -s 0); for VPC Traffic Mirroring, set \
             the MTU of the mirrored interfaces to at most 8947 where the target is an interface, 8486 where it is a \
             network load balancer (and PacketLength to 8500), 8446 (IPv6: 8426) where it is a gateway load balancer; \
             for other mirrors, let the target's MTU exceed the source's by 54 bytes (IPv4) or 74 bytes (IPv6)",
            count(frames.truncated),
            ByteSize(frames.truncated_bytes),
        ));
    }
    if payload_bytes.tls > 0 {
        advice.push(format!(
            "{} are TLS and cannot be read{}: mirror behind the end of TLS, between the load balancer or gateway and the \
             service",
            ByteSize(payload_bytes.tls),
            tls_servers(summary),
        ));
    }
    if summary.gaps.count > 0 {
        advice.push(format!(
            "{} of TCP streams were never captured, in {} gaps: see whether the mirror or the capturing program \
             dropped packets (tcpdump says so when it ends; larger buffer: tcpdump -B)",
            ByteSize(summary.gaps.bytes),
            count(summary.gaps.count),
        ));
    }
    if let Some(spool) = &summary.spool {
        advice.extend(spooled(spool));
    }
    if let Some(sentence) = one_sided(summary) {
        advice.push(sentence);
    }
    if summary.anomaly("http2_field_unknown") > 0 {
        advice.push(format!(
            "{} header fields of HTTP/2 are unknown, because their connections told them before the capture began or in \
             bytes that it lost: their exchanges are marked as gaps. Connections opened from now on have none of the first",
            count(summary.anomaly("http2_field_unknown"))
        ));
    }
    if summary.anomaly("proxy_header") > 0 {
        advice.push(
            "datagrams begin with a PROXY protocol header: switch proxy protocol off at the load balancer's target group"
                .to_owned(),
        );
    }
    advice.extend(idle_rules(summary));
    if frames.total > 0 && summary.exchanges_total() == 0 {
        advice.push(nothing_found(summary));
    }
    advice
}

/// Names the servers with the most TLS.
fn tls_servers(summary: &Summary) -> String {
    let servers = &summary.tls_servers;
    let names: Vec<_> = (servers.iter().take(3))
        .map(|tls| format!("{} with {}", tls.server, ByteSize(tls.bytes)))
        .collect();
    match (names.is_empty(), servers.len() - names.len()) {
        (true, _) => String::new(),
        (false, 0) => format!(" ({})", names.join(", ")),
        (false, more) => format!(" ({}, and {more} more)", names.join(", ")),
    }
}

/// Rules that found nothing.
fn idle_rules(summary: &Summary) -> impl Iterator<Item = String> + '_ {
    let rules = summary
        .redaction
        .iter()
        .flat_map(|redaction| &redaction.rules);
    rules.filter(|rule| rule.matches == 0).map(|rule| {
        format!(
            "the rule `{}` matched nothing: see whether its name is right",
            rule.rule
        )
    })
}

/// Exchanges that lack one half, where that is the rule and not the exception.
fn one_sided(summary: &Summary) -> Option<String> {
    if summary.frames.tcp_payload == 0 {
        // Requests that proxies copied come without frames, and never with a response.
        return None;
    }
    let total = summary.exchanges_total() as f64;
    let halves = [
        (
            "no_response",
            "requests have no response",
            "from server to client",
        ),
        (
            "no_request",
            "responses have no request",
            "from client to server",
        ),
    ];
    let (name, what, lost) = halves.into_iter().find(|(name, ..)| {
        let halves = summary.exchange_count(name) as f64;
        halves > 0.0 && halves > total * ONE_SIDED_SHARE
    })?;
    let halves = count(summary.exchange_count(name));
    Some(format!(
        "{halves} {what}: the capture seems to lack the direction {lost}; let the mirror's or tcpdump's filter accept both"
    ))
}

fn nothing_found(summary: &Summary) -> String {
    let frames = &summary.frames;
    let left_out = summary.left_out.filtered + summary.left_out.sampled;
    let why = if left_out > 0 {
        &format!(
            "every exchange, {} in all, was left out: see --keep, --drop and --sample",
            count(left_out)
        )
    } else if frames.tcp_payload > 0 {
        "there is TCP traffic, but none of it is HTTP in clear text"
    } else if frames.tcp_no_payload > 0 {
        "there is TCP traffic, but none of it carries data: was it captured with a short snap length or a filter for flags?"
    } else if frames.not_tcp > 0 {
        "there is IP traffic, but no TCP: if it is VXLAN on another port than 4789 or 8472, give --vxlan-port"
    } else {
        "no frame holds IP traffic that can be read"
    };
    format!("nothing was found to record: {why}")
}

/// What to do about what is still in the spool, or never came there.
fn spooled(spool: &SpoolSummary) -> Vec<String> {
    let mut advice = Vec::new();
    let folder = &spool.folder;
    if spool.segments_waiting > 0 || spool.unsealed {
        advice.push(format!(
            "the archive does not have everything yet: `recorder read --archive … --spool {folder}` publishes what waits"
        ));
    }
    if spool.exchanges_shed > 0 {
        advice.push(format!(
            "{} exchanges were left out because the spool was full: raise --spool-max, or see why the archive was not reached",
            count(spool.exchanges_shed)
        ));
    }
    if spool.segments_set_aside > 0 {
        advice.push(format!(
            "{} segments lie in the spool as `.conflict`, because other objects have their places: two recorders used the \
             same id, or a spool was copied",
            count(spool.segments_set_aside)
        ));
    }
    if let Some(damaged) = spool.recovered.damaged.first() {
        advice.push(format!(
            "the spool was damaged ({damaged}): see whether the disk is failing"
        ));
    }
    advice
}
