//! What a key costs: recording into an encrypted archive and reading it back, over the same without.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use benches::{Mix, Traffic, write_pcap};

use crate::ROUNDS;
use crate::output::{Goal, line, median, result};
use crate::run::{Cost, Programs, measure as run};

const EXCHANGES: u64 = 200_000;
/// Base64 of 32 bytes.
const KEY: &str = "cmVwcmlzZSBiZW5jaCBrZXkgb2YgMzIgYnl0ZXMgb2s=\n";

/// Records and reads back with and without a key, in turns.
pub(crate) fn measure(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let (capture, key) = (folder.join("api.pcap"), folder.join("bench.key"));
    let traffic = Traffic {
        exchanges: EXCHANGES,
        mix: Mix::Api,
        connections: 64,
        ..Traffic::default()
    };
    write_pcap(traffic.frames(), BufWriter::new(File::create(&capture)?))?;
    fs::write(&key, KEY)?;
    let (capture, key) = (capture.display().to_string(), key.display().to_string());
    let mut costs: [[Vec<Cost>; 2]; 2] = Default::default();
    for round in 1..=ROUNDS {
        for (with, flags) in [&[][..], &["--key-file", &key]].into_iter().enumerate() {
            let archive = folder.join(format!("encryption-{with}"));
            if archive.exists() {
                fs::remove_dir_all(&archive)?;
            }
            let place = archive.display().to_string();
            let of = |program: &Path| program.display().to_string();
            let (recorder, replayer) = (of(&programs.recorder), of(&programs.replayer));
            let read = [&[&recorder, "read", &capture, "--archive", &place], flags].concat();
            let wrote = run(&[0], &read)?;
            // A condition on a header has every column read.
            let all = [&replayer, "plan", "--last", "1d", "--header", "host=*"];
            let plan = [&all[..], &["--archive", &place], flags].concat();
            let back = run(&[0, 1], &plan)?;
            line(&format!(
                "round {round}, {}: recording {:.2} s CPU, {:.2} s; reading back {:.2} s CPU, {:.2} s",
                if with == 1 { "with a key" } else { "without" },
                wrote.cpu,
                wrote.wall,
                back.cpu,
                back.wall
            ));
            costs[0][with].push(wrote);
            costs[1][with].push(back);
        }
    }
    for (name, [without, with]) in ["recorder read", "reading back"].iter().zip(&costs) {
        let ratios = with
            .iter()
            .zip(without)
            .map(|(with, without)| with.cpu / without.cpu);
        let name = format!("{name} with --key-file, CPU over without");
        result(&name, median(ratios.collect()), "x", Goal::AtMost(1.2));
    }
    Ok(())
}
