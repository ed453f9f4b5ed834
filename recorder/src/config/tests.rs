use clap::Parser as _;

use super::*;

fn config(flags: &[&str]) -> Result<Config, String> {
    let command = ["recorder", "read", "a.pcap", "--archive", "/var/archive"];
    let cli = Cli::try_parse_from(command.iter().chain(flags));
    let cli = cli.map_err(|error| error.to_string())?;
    Config::try_from(cli).map_err(|error| error.to_string())
}

#[test]
fn defaults_are_those_of_the_design() {
    let config = config(&[]).unwrap();
    assert_eq!(config.archive.as_str(), "file:///var/archive/");
    assert_eq!(config.options.body_bytes_max, 16 << 20);
    assert_eq!(config.options.tunnel_ports, TunnelPorts::default());
    assert_eq!(config.rotation.bytes_max, 32 << 20);
    assert_eq!(config.rotation.age_max, Duration::from_secs(3_600));
    assert_eq!(config.zstd_level, 1);
    assert_eq!(config.recorder, None);
    assert!(!config.options.raw_bodies && config.progress);
}

#[test]
fn what_is_typed_arrives() {
    let flags = [
        "--recorder-id=gw-1",
        "--max-body=1MiB",
        "--raw-bodies",
        "--segment-bytes=1GiB",
        "--segment-age=5m",
        "--level=19",
        "--vxlan-port=1",
        "--vxlan-port=2",
        "--geneve-port=3",
        "--quiet",
    ];
    let config = config(&flags).unwrap();
    assert_eq!(config.recorder.unwrap().as_str(), "gw-1");
    assert_eq!(config.options.body_bytes_max, 1 << 20);
    assert!(config.options.raw_bodies && !config.progress);
    assert_eq!(config.rotation.bytes_max, 1 << 30);
    assert_eq!(config.rotation.age_max, Duration::from_secs(300));
    assert_eq!(config.zstd_level, 19);
    assert_eq!(config.options.tunnel_ports.vxlan, [1, 2]);
    assert_eq!(config.options.tunnel_ports.geneve, [3]);
}

#[test]
fn an_error_names_the_flag_and_what_is_right() {
    let cases: [(&[&str], &[&str]); 10] = [
        (&["--max-body=lots"], &["--max-body", "lots", "16MiB"]),
        (&["--max-body=2GiB"], &["--max-body", "2.00 GiB", "256 MiB"]),
        (
            &["--segment-bytes=1KiB"],
            &["--segment-bytes", "1.00 KiB", "64.0 KiB"],
        ),
        (&["--segment-age=5"], &["--segment-age", "`5`", "5m"]),
        (&["--segment-age=1ms"], &["--segment-age", "at least 1s"]),
        (&["--level=23"], &["--level", "23", "22"]),
        (&["--vxlan-port=0"], &["--vxlan-port", "0 is not a port"]),
        (&["--geneve-port=0"], &["--geneve-port", "0 is not a port"]),
        (&["--vxlan-port=70000"], &["--vxlan-port", "70000"]),
        (&["--recorder-id=a/b"], &["--recorder-id", "a/b", "letters"]),
    ];
    for (flags, expected) in cases {
        let error = config(flags).unwrap_err();
        for text in expected {
            assert!(error.contains(text), "{flags:?}: {error}");
        }
    }
}

#[test]
fn the_command_line_is_well_formed() {
    use clap::CommandFactory as _;
    Cli::command().debug_assert();
}
