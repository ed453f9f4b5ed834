//! Which line of one text stands for which of another.

/// Size of the table of the longest common subsequence above which two blocks are laid side by side as they are.
const TABLE_MAX: usize = 1 << 18;

/// One step from the expected lines to the actual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Keep(usize, usize),
    Remove(usize),
    Add(usize),
}

/// Lines of the left list with their like in the right one, in order; `None` where a side has none.
pub(crate) fn pairs(left: &[String], right: &[String]) -> Vec<(Option<usize>, Option<usize>)> {
    pair_up(&edits(left, right))
}

/// Lays removed and added lines of one block beside each other.
fn pair_up(edits: &[Edit]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut rows = Vec::with_capacity(edits.len());
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let flush = |removed: &mut Vec<usize>, added: &mut Vec<usize>, rows: &mut Vec<_>| {
        for index in 0..removed.len().max(added.len()) {
            rows.push((removed.get(index).copied(), added.get(index).copied()));
        }
        removed.clear();
        added.clear();
    };
    for edit in edits {
        match *edit {
            Edit::Remove(line) => removed.push(line),
            Edit::Add(line) => added.push(line),
            Edit::Keep(left, right) => {
                flush(&mut removed, &mut added, &mut rows);
                rows.push((Some(left), Some(right)));
            }
        }
    }
    flush(&mut removed, &mut added, &mut rows);
    rows
}

/// The shortest way from one list to the other, where the lists are small enough to look for it.
fn edits(expected: &[String], actual: &[String]) -> Vec<Edit> {
    let shorter = expected.len().min(actual.len());
    let same = |(a, b): &(&String, &String)| a == b;
    let before = expected.iter().zip(actual).take_while(same).count();
    let ends = expected.iter().rev().zip(actual.iter().rev());
    let after = ends.take(shorter - before).take_while(same).count();
    let mut edits: Vec<Edit> = (0..before).map(|line| Edit::Keep(line, line)).collect();
    let left = &expected[before..expected.len() - after];
    let right = &actual[before..actual.len() - after];
    if left.len() * right.len() > TABLE_MAX {
        edits.extend((0..left.len()).map(|line| Edit::Remove(before + line)));
        edits.extend((0..right.len()).map(|line| Edit::Add(before + line)));
    } else {
        edits.extend(shortest(left, right).into_iter().map(|edit| match edit {
            Edit::Keep(l, r) => Edit::Keep(before + l, before + r),
            Edit::Remove(l) => Edit::Remove(before + l),
            Edit::Add(r) => Edit::Add(before + r),
        }));
    }
    edits.extend(
        (0..after)
            .rev()
            .map(|from_end| Edit::Keep(expected.len() - 1 - from_end, actual.len() - 1 - from_end)),
    );
    edits
}

/// The edits that keep a longest common subsequence.
fn shortest(left: &[String], right: &[String]) -> Vec<Edit> {
    let width = right.len() + 1;
    // common[l * width + r]: longest common subsequence of left[l..] and right[r..].
    let mut common = vec![0_u32; (left.len() + 1) * width];
    for l in (0..left.len()).rev() {
        for r in (0..right.len()).rev() {
            common[l * width + r] = if left[l] == right[r] {
                common[(l + 1) * width + r + 1] + 1
            } else {
                common[(l + 1) * width + r].max(common[l * width + r + 1])
            };
        }
    }
    let mut edits = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while l < left.len() && r < right.len() {
        if left[l] == right[r] {
            edits.push(Edit::Keep(l, r));
            (l, r) = (l + 1, r + 1);
        } else if common[(l + 1) * width + r] >= common[l * width + r + 1] {
            edits.push(Edit::Remove(l));
            l += 1;
        } else {
            edits.push(Edit::Add(r));
            r += 1;
        }
    }
    edits.extend((l..left.len()).map(Edit::Remove));
    edits.extend((r..right.len()).map(Edit::Add));
    edits
}
