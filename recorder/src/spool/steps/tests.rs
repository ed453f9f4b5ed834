//! The protocol against a disk that may forget whatever was not synced, broken off between any two steps, twice in a row.
//!
//! An exchange is a byte. Frames and segments hold bytes. The store takes a name once. However it goes: what was synced is in
//! the store exactly once, and nothing is there twice; that a recorder went down neither.

use std::collections::{BTreeMap, BTreeSet};

use super::super::layout::{Ending, Recovery, Sequences, parse_segment};
use super::*;

/// The machine stopped.
#[derive(Debug)]
struct Crash;

/// A disk and a store.
#[derive(Clone, Default)]
struct World {
    /// What is durable, and what was done since, in order. A file's content is durable up to a length.
    durable: Tree,
    done: Vec<Step>,
    appended: BTreeMap<String, usize>,
    store: BTreeMap<String, Vec<u8>>,
    synced: BTreeSet<u8>,
    /// Steps until the machine stops.
    left: usize,
}

/// Files by path; a folder is a path without content.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

impl World {
    fn spend(&mut self) -> Result<(), Crash> {
        self.left = self.left.checked_sub(1).ok_or(Crash)?;
        Ok(())
    }

    fn run(&mut self, steps: Vec<Step>) -> Result<(), Crash> {
        for step in steps {
            self.spend()?;
            match &step {
                Step::SyncFile(path) => {
                    let content = self.tree()[path].clone().unwrap();
                    if path.ends_with(".frames") {
                        self.synced.extend(&content);
                    }
                    self.appended.insert(path.clone(), content.len());
                    if let Some(durable) = self.durable.get_mut(path) {
                        *durable = Some(content);
                    }
                }
                Step::Rename(from, to) => {
                    let moved = |(path, length): (&String, &usize)| {
                        let path = path.starts_with(from).then(|| path.replacen(from, to, 1))?;
                        Some((path, *length))
                    };
                    let moved: Vec<_> = self.appended.iter().filter_map(moved).collect();
                    self.appended.extend(moved);
                    self.done.push(step);
                }
                Step::SyncFolder(folder) => {
                    // Names in this folder, and in no other, are durable now, in the order in which they came.
                    let (kept, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.done)
                        .into_iter()
                        .partition(|step| parent(step) == Some(folder.as_str()));
                    for step in kept {
                        apply(&mut self.durable, &step);
                    }
                    self.done = rest;
                }
                _ => self.done.push(step),
            }
        }
        Ok(())
    }

    /// Adds an exchange to a file of frames.
    fn append(&mut self, generation: u64, exchange: u8) -> Result<(), Crash> {
        self.spend()?;
        let path = Entry::Frames(generation).to_string();
        let mut content = self.tree()[&path].clone().unwrap();
        content.push(exchange);
        self.done.push(Step::Write(path, content.into()));
        Ok(())
    }

    /// A create-only put: a name that is taken must hold the same.
    fn put(&mut self, name: &str, content: &[u8]) -> Result<(), Crash> {
        self.spend()?;
        let there = self
            .store
            .entry(name.to_owned())
            .or_insert_with(|| content.to_vec());
        assert_eq!(there, content, "{name} was published with another content");
        Ok(())
    }

    /// What a program sees.
    fn tree(&self) -> Tree {
        let mut tree = self.durable.clone();
        for step in &self.done {
            apply(&mut tree, step);
        }
        tree
    }

    /// The machine stops: of what was not synced, each step survives or not as `choice` says, bit by bit.
    fn crash(&mut self, choice: u64) {
        let mut tree = self.durable.clone();
        let done = std::mem::take(&mut self.done);
        for (bit, step) in done.iter().enumerate() {
            let older = matches!(step, Step::Write(path, bytes)
                if tree.get(path).is_some_and(|there| there.as_ref().is_some_and(|there| there.len() > bytes.len())));
            if choice >> (bit % 64) & 1 == 1 && !older {
                apply(&mut tree, step);
            }
        }
        // Content that was synced survives with its name; of the rest, all or nothing.
        for (path, content) in &mut tree {
            let Some(content) = content else { continue };
            let synced = self.appended.get(path).copied().unwrap_or(0);
            if content.len() > synced && choice & 2 == 0 {
                content.truncate(synced);
            }
        }
        self.durable = tree;
    }

    fn entries(&self) -> Vec<Entry> {
        let tree = self.tree();
        let names = tree.keys().filter(|path| !path.contains('/'));
        names.filter_map(|name| Entry::parse(name)).collect()
    }

    fn below(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let prefix = format!("{folder}/");
        let tree = self.tree();
        let below = tree.iter().filter_map(|(path, content)| {
            let name = path.strip_prefix(&prefix)?;
            Some((name.to_owned(), content.clone()?))
        });
        below.collect()
    }
}

/// The folder whose names a step changes.
fn parent(step: &Step) -> Option<&str> {
    let path = match step {
        Step::MakeFolder(path)
        | Step::Write(path, _)
        | Step::Remove(path)
        | Step::RemoveFolder(path)
        | Step::Rename(path, _)
        | Step::SyncFile(path) => path,
        Step::SyncFolder(_) => return None,
    };
    Some(path.rsplit_once('/').map_or("", |(folder, _)| folder))
}

fn apply(tree: &mut Tree, step: &Step) {
    match step {
        Step::MakeFolder(path) => {
            tree.entry(path.clone()).or_insert(None);
        }
        Step::Write(path, bytes) => {
            // A file of frames is only ever appended to.
            tree.insert(path.clone(), Some(bytes.to_vec()));
        }
        Step::Rename(from, to) => {
            let inside = |path: &String| path == from || path.starts_with(&format!("{from}/"));
            let moved: Vec<_> = tree.keys().filter(|path| inside(path)).cloned().collect();
            for path in moved {
                let content = tree.remove(&path).flatten();
                tree.insert(path.replacen(from.as_str(), to, 1), content);
            }
        }
        Step::Remove(path) => {
            tree.remove(path);
        }
        Step::RemoveFolder(path) => {
            let inside = format!("{path}/");
            if !tree.keys().any(|other| other.starts_with(&inside)) {
                tree.remove(path);
            }
        }
        Step::SyncFile(_) | Step::SyncFolder(_) => {}
    }
}

/// Puts everything that is sealed into the store, and removes it here.
fn publish(world: &mut World) -> Result<(), Crash> {
    for entry in world.entries() {
        let Entry::Sealed(sealed) = entry else {
            continue;
        };
        for (name, content) in world.below(&entry.to_string()) {
            assert!(parse_segment(&name).is_some(), "{name}");
            world.put(&name, &content)?;
            world.run(forget_segment(sealed, &name))?;
        }
    }
    Ok(())
}

/// What a recorder knows while it lives.
struct Life {
    /// Files that are not sealed, oldest first, and how recorders ended with them.
    deferred: Vec<u64>,
    endings: BTreeMap<u64, Ending>,
    generation: u64,
    next: Sequences,
}

/// What a segment holds beside exchanges if a recorder went down with the last of its files: the number of one of its
/// exchanges, moved.
const DOWN: u8 = 50;

/// Seals the two oldest files.
fn seal(world: &mut World, life: &mut Life) -> Result<(), Crash> {
    let count = life.deferred.len().min(2);
    let generations: Vec<u64> = life.deferred.drain(..count).collect();
    let Some(&generation) = generations.last() else {
        return Ok(());
    };
    let tree = world.tree();
    let frames = |generation: u64| {
        tree[&Entry::Frames(generation).to_string()]
            .clone()
            .unwrap()
    };
    let mut content = Vec::new();
    let mut marks = Vec::new();
    for &generation in &generations {
        let exchanges = frames(generation);
        let ending = life.endings.get(&generation);
        if let (Some(Ending::Crashed), Some(last)) = (ending, exchanges.last()) {
            content.push(last / 100 * 100 + DOWN);
        }
        content.extend(exchanges);
        marks.extend(ending.map(|ending| Entry::Last(generation, *ending)));
    }
    world.run(begin_seal(generation))?;
    if !content.is_empty() {
        let at = 1_795_352_400_000_000_u64;
        let sequence = life.next.exchanges;
        let name = format!("exchanges.{at}-{at}-r-{sequence:08}.parquet");
        world.run(add_segment(generation, &name, content.into()))?;
        life.next.exchanges += 1;
    }
    let next = life.next;
    let sealed = Sealed { generation, next };
    // Every other file stays for subscribers; nothing is published from there.
    let keep = |&generation: &u64| {
        let rows = frames(generation).len() as u64;
        (generation % 2 == 0).then_some(Kept { generation, rows })
    };
    let keep: Vec<_> = generations.iter().filter_map(keep).collect();
    world.run(commit_seal(sealed, &generations, &keep, &marks))
}

/// The start of a recorder.
fn begin(world: &mut World) -> Result<Life, Crash> {
    let recovery = Recovery::new(&world.entries());
    for entry in &recovery.leftovers {
        let files: Vec<_> = world
            .below(&entry.to_string())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        world.run(clear(entry, &files))?;
    }
    world.run(vec![Step::SyncFolder(ROOT)])?;
    if let Some(&last) = recovery.replay.last().filter(|_| recovery.has_crashed) {
        world.run(mark(&Entry::Last(last, Ending::Crashed)))?;
    }
    world.run(begin_frames(recovery.generation, Bytes::new()))?;
    Ok(Life {
        deferred: recovery.replay,
        endings: recovery.endings,
        generation: recovery.generation,
        next: recovery.next,
    })
}

/// One life of a recorder: it records `exchanges` while it seals what was left and what it has recorded, and ends.
fn live(world: &mut World, exchanges: std::ops::Range<u8>) -> Result<(), Crash> {
    let mut life = begin(world)?;
    for exchange in exchanges {
        world.append(life.generation, exchange)?;
        let sync = Step::SyncFile(Entry::Frames(life.generation).to_string());
        if exchange % 2 == 0 {
            world.run(vec![sync.clone()])?;
        }
        if exchange % 3 == 2 {
            world.run(vec![sync])?;
            world.run(begin_frames(life.generation + 1, Bytes::new()))?;
            life.deferred.push(life.generation);
            life.generation += 1;
        }
        if exchange % 3 != 0 {
            seal(world, &mut life)?;
        }
        if exchange % 4 == 3 {
            publish(world)?;
        }
    }
    while !life.deferred.is_empty() {
        seal(world, &mut life)?;
    }
    publish(world)
}

#[track_caller]
fn check(world: &World, what: &str) {
    let mut published: Vec<u8> = world.store.values().flatten().copied().collect();
    published.sort_unstable();
    let once: BTreeSet<u8> = published.iter().copied().collect();
    assert_eq!(once.len(), published.len(), "twice: {published:?}, {what}");
    let missing: Vec<_> = world.synced.difference(&once).collect();
    assert!(missing.is_empty(), "synced and lost: {missing:?}, {what}");
}

/// Which of the steps that were not synced survive: none, all, and mixtures.
fn choices() -> impl Iterator<Item = u64> {
    let mixed = (0..12).map(|seed: u64| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31));
    [0, u64::MAX].into_iter().chain(mixed)
}

#[test]
fn every_crash_ends_in_exactly_once() {
    let steps = {
        let mut world = World {
            left: usize::MAX,
            ..World::default()
        };
        live(&mut world, 0..9).unwrap();
        check(&world, "without a crash");
        assert_eq!(world.synced.len(), 9);
        usize::MAX - world.left
    };
    let (mut crashes, mut downs) = (0, 0);
    for first in 0..steps {
        for choice in choices() {
            let mut world = World {
                left: first,
                ..World::default()
            };
            live(&mut world, 0..9).unwrap_err();
            world.crash(choice);
            // The second life crashes too, at every step of its recovery in turn.
            world.left = (first * 7 + choice.count_ones() as usize) % 40;
            if live(&mut world, 100..103).is_err() {
                world.crash(choice.rotate_left(17));
                crashes += 1;
            }
            world.left = usize::MAX;
            live(&mut world, 200..203).unwrap();
            let mut last = world.clone();
            live(&mut last, 0..0).unwrap();
            check(&last, &format!("crash at {first}, choice {choice:x}"));
            let is_mark = |entry: &Entry| matches!(entry, Entry::Last(..));
            assert!(!last.entries().iter().any(is_mark), "marks are left");
            let told = last.store.values().flatten();
            downs += told.filter(|byte| **byte % 100 == DOWN).count();
        }
    }
    assert!(crashes > 500, "{crashes} second crashes");
    assert!(downs > 1_000, "{downs} crashes were told, none twice");
}
