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
