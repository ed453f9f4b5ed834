//! Where the sources lie.

use std::path::{Path, PathBuf};

/// The workspace's root folder.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in a folder of the workspace")
}

/// Every file below the workspace's member folders that ends in one of `extensions`, sorted; build output is left out.
#[must_use]
pub fn source_files(extensions: &[&str]) -> Vec<PathBuf> {
    ["schema", "recorder", "replayer", "tests", "benches"]
        .iter()
        .flat_map(|member| crate::files_below(&workspace().join(member)))
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| extensions.contains(&extension))
        })
        .collect()
}
