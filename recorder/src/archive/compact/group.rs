//! Which segments of an hour become one. Pure.

use schema::{Footer, SegmentKey};

use crate::archive::record;

/// A segment of the hour.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: SegmentKey,
    pub(super) bytes: u64,
    pub(super) footer: Footer,
}

/// Segments that become one.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// In order of their keys; at least two.
    pub(super) members: Vec<Member>,
}

/// What a segment says about all of its rows, which must stay true.
type Policy = (Option<String>, Option<String>);

/// The groups of an hour, whose segments are in order of their keys. Segments are taken together as they follow one another, until
/// `bytes` are together. One that was made so before and is at least half as large is left alone, so that doing it again changes
/// nothing.
pub(super) fn groups(members: Vec<Member>, bytes: u64) -> Vec<Group> {
    let mut policies: Vec<(Policy, Vec<Group>)> = Vec::new();
    for member in members {
        let made = member.key.recorder().as_str().starts_with(record::COMPACT);
        if member.bytes >= bytes || (made && member.bytes >= bytes / 2) {
            continue;
        }
        let footer = &member.footer;
        let policy = (footer.sampling.clone(), footer.redaction.clone());
        let index = policies.iter().position(|(known, _)| *known == policy);
        let index = index.unwrap_or_else(|| {
            policies.push((policy, Vec::new()));
            policies.len() - 1
        });
        let groups = &mut policies[index].1;
        let fits = |group: &&mut Group| {
            let together: u64 = group.members.iter().map(|member| member.bytes).sum();
            together + member.bytes <= bytes
        };
        match groups.last_mut().filter(fits) {
            Some(group) => group.members.push(member),
            None => groups.push(Group {
                members: vec![member],
            }),
        }
    }
    let groups = policies.into_iter().flat_map(|(_, groups)| groups);
    groups.filter(|group| group.members.len() > 1).collect()
}

#[cfg(test)]
mod tests;
