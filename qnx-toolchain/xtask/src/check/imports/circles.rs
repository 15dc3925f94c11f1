//! A graph of names, and the circles in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who imports whom, and where that is written.
#[derive(Default)]
pub struct Graph {
    edges: BTreeMap<String, BTreeMap<String, (String, usize)>>,
}

impl Graph {
    /// Adds a node that may have no edge.
    pub fn node(&mut self, name: &str) {
        self.edges.entry(name.to_owned()).or_default();
    }

    /// Adds an edge; the first place that is given for it stays.
    pub fn add(&mut self, from: &str, to: &str, file: &str, line: usize) {
        self.node(to);
        self.edges
            .entry(from.to_owned())
            .or_default()
            .entry(to.to_owned())
            .or_insert_with(|| (file.to_owned(), line));
    }

    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.edges.keys().map(String::as_str)
    }

    /// From, to, line.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.edges.iter().flat_map(|(from, to)| {
            to.iter()
                .map(|(to, (_, line))| (from.as_str(), to.as_str(), *line))
        })
    }

    /// Where an edge is written.
    pub fn place<'a>(&'a self, from: &'a str, to: &str) -> (&'a str, usize) {
        self.edges
            .get(from)
            .and_then(|next| next.get(to))
            .map_or((from, 0), |(file, line)| (file.as_str(), *line))
    }

    fn next(&self, from: &str) -> impl Iterator<Item = &str> {
        self.edges
            .get(from)
            .into_iter()
            .flat_map(|next| next.keys().map(String::as_str))
    }

    fn reachable(&self, from: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = self.next(from).collect();
        while let Some(name) = open.pop() {
            if seen.insert(name.to_owned()) {
                open.extend(self.next(name));
            }
        }
        seen
    }
}

/// Sets of nodes that all reach each other. The graphs are small: each node's reach is simply looked at.
pub fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<String>> =
        graph.nodes().map(|name| (name, graph.reachable(name))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (name, seen) in &reach {
        if !seen.contains(*name) || found.iter().any(|circle| circle.contains(*name)) {
            continue;
        }
        let circle = seen
            .iter()
            .filter(|other| reach.get(other.as_str()).is_some_and(|back| back.contains(*name)));
        found.push(circle.cloned().collect());
    }
    found
}

/// A shortest way around within one circle, from its first node: each node, and the line where it imports the next.
pub fn shortest(graph: &Graph, circle: &BTreeSet<String>) -> Vec<(String, usize)> {
    let Some(first) = circle.first() else {
        return Vec::new();
    };
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([first.as_str()]);
    let mut last = first.as_str();
    'search: while let Some(name) = open.pop_front() {
        for next in graph.next(name).filter(|next| circle.contains(*next)) {
            if next == first {
                last = name;
                break 'search;
            }
            if !before.contains_key(next) {
                before.insert(next, name);
                open.push_back(next);
            }
        }
    }
    let mut way = vec![last];
    while let Some(name) = before
        .get(way[way.len() - 1])
        .filter(|_| way[way.len() - 1] != first)
    {
        way.push(name);
    }
    way.reverse();
    let lines = (0..way.len()).map(|at| graph.place(way[at], way[(at + 1) % way.len()]).1);
    way.iter().map(|name| (*name).to_owned()).zip(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_told_apart() {
        let mut graph = Graph::default();
        for (from, to) in [
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("b", "a"),
            ("c", "d"),
            ("d", "e"),
            ("e", "d"),
        ] {
            graph.add(from, to, from, 7);
        }
        let found = circles(&graph);
        assert_eq!(found.len(), 2);
        assert_eq!(
            shortest(&graph, &found[0]),
            [("a".to_owned(), 7), ("b".to_owned(), 7)]
        );
        assert_eq!(
            shortest(&graph, &found[1]),
            [("d".to_owned(), 7), ("e".to_owned(), 7)]
        );
    }

    #[test]
    fn a_graph_without_one_has_none() {
        let mut graph = Graph::default();
        graph.add("a", "b", "a", 1);
        graph.add("a", "c", "a", 1);
        graph.add("b", "c", "b", 1);
        assert!(circles(&graph).is_empty());
    }
}
