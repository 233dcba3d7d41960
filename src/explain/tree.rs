//! A plan as compact text.

use super::{Basis, Node, QueryPlan};

/// One line per node: what it is, rows estimated and actual, blocks, its own share; the costliest marked
/// with `◀`. Conditions stand on lines below.
pub fn tree(plan: &QueryPlan) -> String {
    let mut text = String::new();
    let basis = match plan.basis() {
        Basis::Time => "time",
        Basis::Buffers => "blocks",
        Basis::Cost => "estimated cost",
    };
    let costliest: *const Node = plan.costliest();
    draw(plan, &plan.root, costliest, basis, "", "", &mut text);
    text
}

fn draw(
    plan: &QueryPlan,
    node: &Node,
    costliest: *const Node,
    basis: &str,
    first: &str,
    rest: &str,
    text: &mut String,
) {
    let mut line = format!("{first}{}", title(node));
    line.push_str(&format!("  rows {}", count(node.estimated_rows)));
    if let Some(rows) = node.actual_rows {
        if node.loops == 0.0 {
            line.push_str(" → never run");
        } else {
            line.push_str(&format!(" → {}", count(rows)));
            if node.loops > 1.0 {
                line.push_str(&format!(" × {}", count(node.loops)));
            }
        }
    }
    if node.blocks() > 0 {
        line.push_str(&format!("  blocks {}", node.blocks()));
        if node.shared_read > 0 {
            line.push_str(&format!(" ({} read)", node.shared_read));
        }
    }
    let share = plan.share(node) * 100.0;
    if share >= 0.5 {
        line.push_str(&format!("  {share:.0} % of {basis}"));
    }
    if std::ptr::eq(node, costliest) {
        line.push_str("  ◀ costliest");
    }
    line.push('\n');
    text.push_str(&line);

    let below = if node.children.is_empty() {
        "   "
    } else {
        "│  "
    };
    let mut detail = |what: String| text.push_str(&format!("{rest}{below}{what}\n"));
    for (key, condition) in &node.conditions {
        detail(format!("{key}: {condition}"));
    }
    if node.removed() > 0.0 {
        detail(format!("removed by filter: {}", count(node.removed())));
    }
    if !node.sort_key.is_empty() {
        let method = node
            .sort_method
            .as_deref()
            .map(|m| format!(" ({m})"))
            .unwrap_or_default();
        detail(format!("sort by {}{method}", node.sort_key.join(", ")));
    }
    let last = node.children.len().saturating_sub(1);
    for (at, child) in node.children.iter().enumerate() {
        let (branch, trunk) = if at == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        draw(
            plan,
            child,
            costliest,
            basis,
            &format!("{rest}{branch}"),
            &format!("{rest}{trunk}"),
            text,
        );
    }
}

/// `Index Scan of public.content c using idx_content_user_date`.
pub(super) fn title(node: &Node) -> String {
    let mut text = match &node.subplan {
        Some(name) => format!("{name}: {}", node.kind),
        None => node.kind.clone(),
    };
    if let Some(relation) = &node.relation {
        text.push_str(&format!(" of {relation}"));
        if let Some(alias) = node.alias.as_ref().filter(|alias| **alias != relation.name) {
            text.push_str(&format!(" {alias}"));
        }
    }
    if let Some(index) = &node.index {
        text.push_str(&format!(" using {index}"));
    }
    text
}

/// `1,234,567`. From 10,000 on to three digits, with a `~`: the server gives averages per loop.
pub(super) fn count(number: f64) -> String {
    let number = number.max(0.0);
    if number >= 10_000.0 {
        let unit = 10_f64.powf(number.log10().floor() - 2.0);
        return format!("~{}", grouped((number / unit).round() * unit));
    }
    grouped(number)
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
