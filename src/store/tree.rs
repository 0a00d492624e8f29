//! The messages of one thread as a tree, in the order in which they are read. Pure.
//!
//! Called by `order` for threads that are shown unfolded. Must never loop or recurse, whatever the
//! messages say of their parents.

use std::collections::HashMap;

/// One message of a thread, in the view or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    /// The hash of its Message-ID.
    pub(super) id: i64,
    /// The hash of the id it answers; 0 for none.
    pub(super) parent: i64,
    /// Whether it is in the view.
    pub(super) is_shown: bool,
}

/// The shown members in depth-first order with their depth. `members` come oldest first, and stay
/// so under their parent. A member whose parent is not shown goes under the nearest one above that
/// is; where there is none it goes under the first.
pub(super) fn arrange(members: &[Member]) -> Vec<(usize, u8)> {
    let mut by_id: HashMap<i64, usize> = HashMap::with_capacity(members.len());
    for (i, member) in members.iter().enumerate() {
        by_id.entry(member.id).or_insert(i);
    }
    let parent_of = |i: usize| {
        let member = members.get(i)?;
        by_id.get(&member.parent).copied().filter(|p| *p != i)
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    let mut roots = Vec::new();
    let mut root_of: Vec<usize> = (0..members.len()).collect();
    for (i, member) in members.iter().enumerate() {
        if !member.is_shown {
            continue;
        }
        let mut above = parent_of(i);
        // Bounded, since the parents may form a ring among those that are not shown.
        for _ in 0..64 {
            match above.and_then(|a| members.get(a)) {
                Some(m) if !m.is_shown => above = above.and_then(parent_of),
                _ => break,
            }
        }
        let above = above
            .filter(|a| members.get(*a).is_some_and(|m| m.is_shown))
            .filter(|a| find(&mut root_of, *a) != find(&mut root_of, i));
        match above.and_then(|a| children.get_mut(a).map(|c| (a, c))) {
            Some((above, siblings)) => {
                siblings.push(i);
                let (from, to) = (find(&mut root_of, i), find(&mut root_of, above));
                if let Some(slot) = root_of.get_mut(from) {
                    *slot = to;
                }
            }
            None => roots.push(i),
        }
    }
    walk(&roots, &children)
}

/// The top of the tree that a member is in so far; an edge within one tree would close a ring.
fn find(root_of: &mut [usize], mut i: usize) -> usize {
    while let Some(&up) = root_of.get(i)
        && up != i
    {
        let top = root_of.get(up).copied().unwrap_or(up);
        if let Some(slot) = root_of.get_mut(i) {
            *slot = top;
        }
        i = up;
    }
    i
}

fn walk(roots: &[usize], children: &[Vec<usize>]) -> Vec<(usize, u8)> {
    let mut out = Vec::new();
    for root in roots {
        // What has no parent here hangs under the first message all the same.
        let depth = u8::from(!out.is_empty());
        let mut stack = vec![(*root, depth)];
        while let Some((i, depth)) = stack.pop() {
            out.push((i, depth));
            let below = children.get(i).map_or(&[][..], Vec::as_slice);
            stack.extend(below.iter().rev().map(|c| (*c, depth.saturating_add(1))));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: i64, parent: i64) -> Member {
        Member {
            id,
            parent,
            is_shown: true,
        }
    }

    #[test]
    fn answers_stand_under_what_they_answer_oldest_first() {
        let members = [
            member(1, 0),
            member(2, 1),
            member(3, 1),
            member(4, 2),
            member(5, 9),
        ];
        assert_eq!(arrange(&members), [(0, 0), (1, 1), (3, 2), (2, 1), (4, 1)]);
    }

    #[test]
    fn a_gap_is_bridged_by_the_next_one_above() {
        let mut members = [member(1, 0), member(2, 1), member(3, 2)];
        members[1].is_shown = false;
        assert_eq!(arrange(&members), [(0, 0), (2, 1)]);
    }

    #[test]
    fn rings_and_messages_that_answer_themselves_lose_nothing() {
        let mut members = vec![member(1, 3), member(2, 1), member(3, 2), member(4, 4)];
        members.push(member(4, 1));
        let mut seen: Vec<usize> = arrange(&members).iter().map(|r| r.0).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        let long: Vec<Member> = (0..1000).map(|i| member(i + 1, i)).collect();
        assert_eq!(arrange(&long).last(), Some(&(999, 255)));
    }
}
