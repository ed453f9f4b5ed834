//! A mirror as the kernel makes it: a `vxlan` device in a network namespace, into which `tcpreplay` sends a capture.

use std::fs::File;
use std::io::BufWriter;
use std::process::Command;

use benches::write_pcap;
use tests::{recorder_path, workspace};

use super::*;

#[test]
fn a_capture_replayed_into_a_vxlan_device_is_recorded() {
    let place = tempfile::tempdir().unwrap();
    let traffic = Traffic {
        vni: None,
        ..traffic(300)
    };
    let capture = File::create(place.path().join("traffic.pcap")).unwrap();
    write_pcap(traffic.frames(), BufWriter::new(capture)).unwrap();
    let mut command = Command::new("unshare");
    // With the first process of a process namespace, all others in it end.
    command.args(["--user", "--map-root-user", "--net", "--pid", "--fork"]);
    command.args(["--kill-child", "--mount-proc", "--", "bash"]);
    command.arg(workspace().join("tests/it/listen/device.sh"));
    command.arg(recorder_path()).arg(place.path());
    let ran = tests::run(command.arg("300")).expect_code(0);
    let archive = place.path().join("archive");
    let exchanges = read_archive(&archive);
    assert_is_truth(&traffic, &exchanges);
    for exchange in &exchanges {
        let connection = &exchange.connection;
        assert_eq!(connection.source.as_deref(), Some("10.77.0.2"));
        assert_eq!(connection.vni, Some(Vni::new(4_242)));
    }
    let ledger = read_ledger(&archive);
    let lost: u64 = ledger
        .iter()
        .map(|(_, row)| row.frames_dropped + row.gaps)
        .sum();
    assert_eq!(lost, 0, "{}", ran.stdout);
}
