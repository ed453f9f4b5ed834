//! Makes seed corpora for the fuzz targets from capture files:
//! `cargo run -p tests --example fuzz_seeds -- OUTPUT CAPTURE…`
//!
//! One input a capture for `frames` (its first frames), one a connection for `h1` (its segments as they were captured), and
//! a few scripted ones for `reassembly`, whose inputs no capture has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use tests::{CapturedFrame, fuzz::LINKS, read_capture};

/// Longer inputs find nothing that shorter ones do not, and slow everything down.
const INPUT_BYTES_MAX: usize = 8_192;

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let output = arguments
        .next()
        .ok_or_else(|| anyhow::anyhow!("usage: fuzz_seeds OUTPUT CAPTURE…"))?;
    for path in arguments {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let frames = read_capture(&path);
        write(&output, "frames", &stem, &records(&frames))?;
        for (number, steps) in connections(&frames).into_iter().enumerate() {
            write(&output, "h1", &format!("{stem}-{number}"), &steps)?;
        }
    }
    for mode in 0..3_u8 {
        for seed in 0..8_u8 {
            let mut input = vec![mode | seed << 3];
            let mut state = u32::from(seed) * 77 + 5;
            for _ in 0..60 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                input.extend(state.to_be_bytes());
                input.push((state >> 13) as u8);
            }
            write(&output, "reassembly", &format!("mode{mode}-{seed}"), &input)?;
        }
    }
    Ok(())
}

fn write(output: &Path, target: &str, name: &str, input: &[u8]) -> anyhow::Result<()> {
    let folder = output.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), input)?;
    Ok(())
}

/// The form of the target `frames`.
fn records(frames: &[CapturedFrame]) -> Vec<u8> {
    let mut input = Vec::new();
    for frame in frames {
        let link = LINKS.iter().position(|link| *link == frame.link);
        let len = frame.bytes.len().min(usize::from(u16::MAX));
        if input.len() + len > INPUT_BYTES_MAX {
            break;
        }
        let cut = frame.wire_len as usize - frame.bytes.len();
        input.extend([link.unwrap_or(1) as u8, 1, cut.min(255) as u8]);
        input.extend((len as u16).to_le_bytes());
        input.extend(&frame.bytes[..len]);
    }
    input
}

/// The form of the target `h1`, for each connection over bare IPv4: the end that is seen first is the client.
fn connections(frames: &[CapturedFrame]) -> Vec<Vec<u8>> {
    let mut found: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for frame in frames {
        let Some((from, to, payload)) = segment(&frame.bytes) else {
            continue;
        };
        let key = [to.clone(), from.clone()].concat();
        let (key, side) = if found.contains_key(&key) {
            (key, 1)
        } else {
            ([from, to].concat(), 0)
        };
        let input = found.entry(key).or_insert_with(|| vec![3, 7, 1]);
        if !payload.is_empty() && input.len() + payload.len() <= INPUT_BYTES_MAX {
            input.push(side);
            input.extend((payload.len() as u16).to_le_bytes());
            input.extend(payload);
        }
    }
    found
        .into_values()
        .filter(|input| input.len() > 3)
        .collect()
}

/// Endpoints and payload of a TCP segment in IPv4 in Ethernet.
fn segment(frame: &[u8]) -> Option<(Vec<u8>, Vec<u8>, &[u8])> {
    let ip = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    let header = usize::from(ip.first()? & 15) * 4;
    let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    let tcp = ip.get(header..total.min(ip.len()))?;
    if ip[0] >> 4 != 4 || ip[9] != 6 || tcp.len() < 20 {
        return None;
    }
    let payload = tcp.get(usize::from(tcp[12] >> 4) * 4..)?;
    let end = |ip: &[u8], port: &[u8]| [ip, port].concat();
    Some((
        end(&ip[12..16], &tcp[..2]),
        end(&ip[16..20], &tcp[2..4]),
        payload,
    ))
}
