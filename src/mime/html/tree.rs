//! The tree of an HTML text, as html5ever builds it: nodes in one list, tied together by their places.
//!
//! Called by `html`. Whatever a text nests, building, walking and dropping a tree must never recurse,
//! and no step of the parser may cost more than the nodes that it moves.

use html5ever::interface::{Attribute, ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{LocalName, Namespace, ParseOpts, QualName, parse_document};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

/// Deeper trees are read as words.
const DEPTH_MAX: usize = 200;
const NODES_MAX: usize = 400_000;
/// A text that puts a node so deep is not read to its end: with each element that is open, all that
/// follow cost more. The parser moves some up again, so that it is more than a tree may have.
const OPEN_MAX: usize = DEPTH_MAX + 50;
/// So much is read between two looks at how deep and how large the tree is.
const PIECE_BYTES: usize = 4096;

/// A node's place in the list.
pub(super) type Id = usize;

/// What a node is.
#[derive(Debug)]
pub(super) enum Data {
    /// The root, and what stands for comments and the like.
    Nothing,
    Element(QualName, Vec<Attribute>),
    Text(String),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) data: Data,
    parent: Option<Id>,
    before: Option<Id>,
    next: Option<Id>,
    first: Option<Id>,
    last: Option<Id>,
    /// How deep it was put.
    depth: usize,
}

impl Node {
    /// The name of an element, in lower case; empty for what is none.
    pub(super) fn name(&self) -> &str {
        match &self.data {
            Data::Element(name, _) => &name.local,
            Data::Nothing | Data::Text(_) => "",
        }
    }

    pub(super) fn attr(&self, wanted: &str) -> Option<&str> {
        let Data::Element(_, attrs) = &self.data else {
            return None;
        };
        let found = attrs.iter().find(|a| &*a.name.local == wanted)?;
        Some(&found.value)
    }
}

/// A parsed text.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// One step of a walk through a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Enter(Id),
    Leave(Id),
}

impl Tree {
    /// Parses; `None` when the tree is too big or too deep.
    pub(super) fn parse(html: &str) -> Option<Self> {
        Self::grow(html).filter(Self::is_shallow)
    }

    /// Whether a parser comes to the end of it within bounds.
    pub(super) fn ends(html: &str) -> bool {
        Self::grow(html).is_some()
    }

    fn grow(html: &str) -> Option<Self> {
        let opts = ParseOpts {
            tree_builder: TreeBuilderOpts {
                scripting_enabled: false,
                ..TreeBuilderOpts::default()
            },
            ..ParseOpts::default()
        };
        let mut parser = parse_document(Builder::default(), opts);
        let mut rest = html;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
            rest = after;
            parser.process(StrTendril::from_slice(piece));
            if parser.tokenizer.sink.sink.is_too_much() {
                return None;
            }
        }
        let tree = parser.finish();
        (tree.nodes.len() <= NODES_MAX).then_some(tree)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub(super) fn name(&self, id: Id) -> &str {
        self.node(id).map_or("", Node::name)
    }

    pub(super) fn attr(&self, id: Id, wanted: &str) -> Option<&str> {
        self.node(id)?.attr(wanted)
    }

    pub(super) fn parent(&self, id: Id) -> Option<Id> {
        self.node(id)?.parent
    }

    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        let first = self.node(id).and_then(|n| n.first);
        std::iter::successors(first, |id| self.node(*id)?.next)
    }

    /// What comes after entering a node: its first child, or leaving it.
    pub(super) fn into(&self, id: Id) -> Step {
        let first = self.node(id).and_then(|n| n.first);
        first.map_or(Step::Leave(id), Step::Enter)
    }

    /// What comes after leaving a node; `None` behind the root.
    pub(super) fn past(&self, id: Id) -> Option<Step> {
        let node = self.node(id)?;
        let after = node.next.map(Step::Enter);
        after.or_else(|| node.parent.map(Step::Leave))
    }

    /// All steps from the root down and back.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        std::iter::successors(Some(Step::Enter(0)), |step| match *step {
            Step::Enter(id) => Some(self.into(id)),
            Step::Leave(id) => self.past(id),
        })
    }

    fn is_shallow(&self) -> bool {
        let mut depth = 0usize;
        self.steps().all(|step| {
            depth = match step {
                Step::Enter(_) => depth + 1,
                Step::Leave(_) => depth.saturating_sub(1),
            };
            depth <= DEPTH_MAX
        })
    }
}

/// What html5ever builds on.
struct Builder {
    nodes: RefCell<Vec<Node>>,
    depth_max: Cell<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        let builder = Self {
            nodes: RefCell::default(),
            depth_max: Cell::default(),
        };
        builder.make(Data::Nothing);
        builder
    }
}

/// The name of an element, on its own: the list may grow while the parser looks at it.
#[derive(Debug)]
struct Name(QualName);

impl ElemName for Name {
    fn ns(&self) -> &Namespace {
        &self.0.ns
    }

    fn local_name(&self) -> &LocalName {
        &self.0.local
    }
}

impl Builder {
    fn make(&self, data: Data) -> Id {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Node {
            data,
            parent: None,
            before: None,
            next: None,
            first: None,
            last: None,
            depth: 0,
        });
        nodes.len() - 1
    }

    fn with<T>(&self, id: Id, f: impl FnOnce(&mut Node) -> T) -> Option<T> {
        self.nodes.borrow_mut().get_mut(id).map(f)
    }

    fn detach(&self, id: Id) {
        let cut = |n: &mut Node| (n.parent.take(), n.before.take(), n.next.take());
        let (parent, before, next) = self.with(id, cut).unwrap_or_default();
        match before {
            Some(before) => self.with(before, |n| n.next = next),
            None => parent.and_then(|parent| self.with(parent, |n| n.first = next)),
        };
        match next {
            Some(next) => self.with(next, |n| n.before = before),
            None => parent.and_then(|parent| self.with(parent, |n| n.last = before)),
        };
    }

    /// Puts a node into a parent, before one of its children or as the last.
    fn put(&self, parent: Id, child: Id, next: Option<Id>) {
        self.detach(child);
        let before = match next {
            Some(next) => self.with(next, |n| n.before.replace(child)),
            None => self.with(parent, |n| n.last.replace(child)),
        };
        let before = before.flatten();
        match before {
            Some(before) => self.with(before, |n| n.next = Some(child)),
            None => self.with(parent, |n| n.first = Some(child)),
        };
        let depth = self.with(parent, |n| n.depth + 1).unwrap_or_default();
        self.depth_max.set(self.depth_max.get().max(depth));
        self.with(child, |n| {
            n.parent = Some(parent);
            n.before = before;
            n.next = next;
            n.depth = depth;
        });
    }

    fn is_too_much(&self) -> bool {
        self.depth_max.get() > OPEN_MAX || self.nodes.borrow().len() > NODES_MAX
    }

    fn insert(&self, parent: Id, child: NodeOrText<Id>, next: Option<Id>) {
        let id = match child {
            NodeOrText::AppendNode(id) => id,
            NodeOrText::AppendText(text) => {
                let before = match next {
                    Some(next) => self.with(next, |n| n.before),
                    None => self.with(parent, |n| n.last),
                };
                let add = |n: &mut Node| match &mut n.data {
                    Data::Text(found) => {
                        found.push_str(&text);
                        true
                    }
                    Data::Nothing | Data::Element(..) => false,
                };
                let is_added = before.flatten().and_then(|before| self.with(before, add));
                if is_added == Some(true) {
                    return;
                }
                self.make(Data::Text(text.to_string()))
            }
        };
        self.put(parent, id, next);
    }
}

impl TreeSink for Builder {
    type Handle = Id;
    type Output = Tree;
    type ElemName<'a> = Name;

    fn finish(self) -> Tree {
        Tree {
            nodes: self.nodes.into_inner(),
        }
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Id {
        0
    }

    fn elem_name<'a>(&'a self, target: &'a Id) -> Name {
        let name = self.with(*target, |n| match &n.data {
            Data::Element(name, _) => Some(name.clone()),
            Data::Nothing | Data::Text(_) => None,
        });
        let none = || QualName::new(None, Namespace::default(), LocalName::default());
        Name(name.flatten().unwrap_or_else(none))
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, _: ElementFlags) -> Id {
        self.make(Data::Element(name, attrs))
    }

    fn create_comment(&self, _: StrTendril) -> Id {
        self.make(Data::Nothing)
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Id {
        self.make(Data::Nothing)
    }

    fn append(&self, parent: &Id, child: NodeOrText<Id>) {
        self.insert(*parent, child, None);
    }

    fn append_based_on_parent_node(&self, element: &Id, before: &Id, child: NodeOrText<Id>) {
        match self.with(*element, |n| n.parent).flatten() {
            Some(parent) => self.insert(parent, child, Some(*element)),
            None => self.insert(*before, child, None),
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    /// What a template holds is not shown: it hangs nowhere.
    fn get_template_contents(&self, _: &Id) -> Id {
        self.make(Data::Nothing)
    }

    fn same_node(&self, x: &Id, y: &Id) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Id, child: NodeOrText<Id>) {
        if let Some(parent) = self.with(*sibling, |n| n.parent).flatten() {
            self.insert(parent, child, Some(*sibling));
        }
    }

    fn add_attrs_if_missing(&self, target: &Id, attrs: Vec<Attribute>) {
        self.with(*target, |n| {
            if let Data::Element(_, found) = &mut n.data {
                for attr in attrs {
                    if found.iter().all(|a| a.name != attr.name) {
                        found.push(attr);
                    }
                }
            }
        });
    }

    fn remove_from_parent(&self, target: &Id) {
        self.detach(*target);
    }

    fn reparent_children(&self, node: &Id, new_parent: &Id) {
        while let Some(child) = self.with(*node, |n| n.first).flatten() {
            self.put(*new_parent, child, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn shape(html: &str) -> String {
        let tree = Tree::parse(html).unwrap();
        let mut out = String::new();
        for step in tree.steps() {
            match (step, tree.node(0).map(|_| ())) {
                (Step::Enter(id), _) => match &tree.node(id).unwrap().data {
                    Data::Text(text) => out.push_str(text),
                    Data::Element(name, _) => write!(out, "<{}>", name.local).unwrap(),
                    Data::Nothing => {}
                },
                (Step::Leave(id), _) if !tree.name(id).is_empty() => out.push('/'),
                (Step::Leave(_), _) => {}
            }
        }
        out
    }

    #[test]
    fn the_tree_is_the_one_a_browser_builds() {
        let head = "<html><head>/<body>";
        for (html, body) in [
            ("<p>a<p>b<!-- c -->d", "<p>a/<p>bd/"),
            ("<b><p>x</b>y</p>", "<b>/<p><b>x/y/"),
            (
                "<table><p>out</p><tr><td>in</table>after",
                "<p>out/<table><tbody><tr><td>in////after",
            ),
            ("<table>a<tr>b<td>c", "ab<table><tbody><tr><td>c////"),
            ("<a>1<a>2", "<a>1/<a>2/"),
        ] {
            assert_eq!(shape(html), format!("{head}{body}//"), "{html}");
        }
    }

    #[test]
    fn what_is_too_deep_is_no_tree() {
        assert!(Tree::parse(&"<div>".repeat(150)).is_some());
        assert!(Tree::parse(&"<div>".repeat(250)).is_none());
    }
}
