//! A map that forgets its oldest entries.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

pub(super) struct Bounded<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
    keep: usize,
}

impl<K: Clone + Eq + Hash, V> Bounded<K, V> {
    pub fn new(keep: usize) -> Self {
        Self {
            map: HashMap::new(),
            order: VecDeque::new(),
            keep,
        }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// A key that is there keeps its place in the order.
    pub fn insert(&mut self, key: K, value: V) {
        if self.map.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
            if self.order.len() > self.keep
                && let Some(oldest) = self.order.pop_front()
            {
                self.map.remove(&oldest);
            }
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|key| self.map.get_key_value(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut bounded = Bounded::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            bounded.insert(key, value);
        }

        assert_eq!(bounded.get(&"a"), None);
        assert_eq!(
            bounded.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            [2, 4]
        );
    }
}
