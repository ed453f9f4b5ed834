//! Where the files of a run lie below the archive's root; of a run that several machines replay, those of one of them.
//!
//! ```text
//! runs/<run>/run.json, state/…, divergences/<number>.parquet                 a run of one machine
//! runs/<run>/run.json                                                        the whole of a run in parts
//! runs/<run>/shards/<shard>/run.json, state/…                                one part
//! runs/<run>/divergences/<shard>-<number>.parquet                            its divergences
//! ```
//! Segments of all parts lie together below `exchanges/`, as segments of several recorders do.

use object_store::path::Path;
use schema::RecorderId;
use schema::run::RunDocument;

/// One run, or one part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunPlace {
    run: String,
    shard: Option<u32>,
}

impl RunPlace {
    /// The run `run`, or its part `shard`.
    pub(crate) fn new(run: &str, shard: Option<u32>) -> Self {
        Self {
            run: run.to_owned(),
            shard,
        }
    }

    /// What `document` is the document of.
    pub(crate) fn of(document: &RunDocument) -> Self {
        Self::new(&document.run, document.shard)
    }

    /// The run's name.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Its document.
    pub(crate) fn document(&self) -> Path {
        self.folder().join("run.json")
    }

    /// Its checkpoint.
    pub(crate) fn checkpoint(&self) -> Path {
        self.folder().join("state").join("checkpoint.json")
    }

    /// What it has learned from answers.
    pub(crate) fn learned(&self) -> Path {
        self.folder().join("state").join("learned.json")
    }

    /// The folder of its leases.
    pub(crate) fn leases(&self) -> Path {
        self.folder().join("state").join("leases")
    }

    /// Its file of divergences with this number.
    pub(crate) fn divergences(&self, number: u64) -> Path {
        let file = match self.shard {
            Some(shard) => format!("{shard:04}-{number:08}.parquet"),
            None => format!("{number:08}.parquet"),
        };
        Path::from_iter(["runs", &self.run, "divergences", &file])
    }

    /// Who writes its segments, for their names.
    pub(crate) fn writer(&self) -> RecorderId {
        let name = match self.shard {
            Some(shard) => format!("replayer-{shard:04}"),
            None => "replayer".to_owned(),
        };
        name.parse().expect("it is a legal recorder id")
    }

    fn folder(&self) -> Path {
        let run = Path::from_iter(["runs", &self.run]);
        match self.shard {
            Some(shard) => run.join("shards").join(format!("{shard:04}")),
            None => run,
        }
    }
}
