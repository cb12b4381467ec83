//! What is wrong with a grammar's data.

use std::collections::HashSet;

use super::member::{Means, Member, Role};
use super::row::{LONGEST, folded};
use super::types::Types;
use crate::canon::kinds::Kinds;

type Result = std::result::Result<(), String>;

const MOST_MEMBERS: usize = 1000;
/// As many as a set of bits holds.
const MOST_REQUIRED: usize = 64;

pub(super) fn refuse(name: &str, members: &[(&str, Member<'_>)]) -> Result {
    if name.is_empty() || name.len() > LONGEST {
        return Err(format!("a name has 1 to {LONGEST} bytes"));
    }
    if members.len() > MOST_MEMBERS {
        return Err(format!("more than {MOST_MEMBERS} members"));
    }
    let mut names = HashSet::new();
    for (name, member) in members {
        if name.is_empty() || name.len() > LONGEST {
            return Err(format!(
                "the name of a member has 1 to {LONGEST} bytes, not {}",
                name.len()
            ));
        }
        if !names.insert(folded(name.as_bytes())) {
            return Err(format!("'{name}' equals another member but for case"));
        }
        one(member).map_err(|reason| format!("'{name}': {reason}"))?;
    }
    if members
        .iter()
        .filter(|(_, member)| member.settled().required)
        .count()
        > MOST_REQUIRED
    {
        return Err(format!("more than {MOST_REQUIRED} members are required"));
    }
    meanings(members)
}

/// What is wrong with one member.
fn one(member: &Member<'_>) -> Result {
    if member.means.is_some() && member.role != Role::Matters {
        return Err("its meaning settles its role: leave `role` out".into());
    }
    if member.means.is_some_and(|means| means != Means::Question) && !member.types.is_empty() {
        return Err("its meaning settles its type: leave `type` out".into());
    }
    let settled = member.settled();
    let types = match settled.types {
        "" => Types::any(),
        text => Types::parse(text).ok_or_else(|| {
            format!("'{text}' is no type: write for example 'string | string[]' of null, boolean, integer, number, string, object, any")
        })?,
    };
    let numeric = settled.minimum.is_some() || settled.maximum.is_some();
    if numeric && !types.takes.meets(Kinds::NUMBER) {
        return Err("only numbers have a minimum or a maximum".into());
    }
    if settled.minimum.unwrap_or(f64::MIN) > settled.maximum.unwrap_or(f64::MAX) {
        return Err("its minimum is above its maximum".into());
    }
    if settled.max_length.is_some() && !types.takes.meets(Kinds::STRING) {
        return Err("only strings have a max_length".into());
    }
    Ok(())
}

/// A body has one model, and of everything but bounds of the output at most one.
fn meanings(members: &[(&str, Member<'_>)]) -> Result {
    let count = |means| {
        members
            .iter()
            .filter(|(_, member)| member.means == Some(means))
            .count()
    };
    if count(Means::Model) != 1 {
        return Err("one member must mean the model".into());
    }
    if count(Means::Messages) + count(Means::Question) > 1 {
        return Err("more than one member means the question or the messages".into());
    }
    for means in [
        Means::Stream,
        Means::StreamOptions,
        Means::Temperature,
        Means::Choices,
        Means::Candidates,
        Means::Cache,
    ] {
        if count(means) > 1 {
            return Err(format!("more than one member means {means:?}"));
        }
    }
    Ok(())
}
