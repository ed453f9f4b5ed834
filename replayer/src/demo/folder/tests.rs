use super::*;

#[test]
fn a_folder_of_a_demo_is_made_anew_and_keeps_what_others_put_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("demo");
    let folder = Folder::prepare(&path).unwrap();
    fs::write(folder.capture(), "old").unwrap();
    fs::create_dir_all(folder.archive().join("runs/1")).unwrap();
    fs::write(path.join("notes.txt"), "mine").unwrap();

    let folder = Folder::prepare(&path).unwrap();
    assert!(!folder.capture().exists() && !folder.archive().exists());
    assert_eq!(fs::read_to_string(path.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn a_folder_of_another_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("archive")).unwrap();
    fs::write(dir.path().join("README.txt"), "my archive").unwrap();
    let error = Folder::prepare(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("no demo made it: name another folder with --dir"),
        "{error}"
    );
    assert!(dir.path().join("archive").exists());
}

#[test]
fn the_window_is_of_whole_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::prepare(&dir.path().join("demo")).unwrap();
    let key = |start, end, sequence| {
        let recorder = "demo".parse().unwrap();
        let (start, end) = (Timestamp::from_micros(start), Timestamp::from_micros(end));
        let path = SegmentKey::new(start, end, recorder, sequence).to_string();
        folder.archive().join("exchanges").join(path)
    };
    assert!(folder.recorded_window().is_err());
    let day_us = 1_792_540_800_000_000;
    for path in [
        key(day_us + 1_500_000, day_us + 2_000_000, 0),
        key(day_us + 3_600_000_000, day_us + 3_601_999_999, 1),
    ] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let window = folder.recorded_window().unwrap();
    assert_eq!(window.start, Timestamp::from_micros(day_us + 1_000_000));
    assert_eq!(window.end, Timestamp::from_micros(day_us + 3_602_000_000));
}
