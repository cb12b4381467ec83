//! Which slots belong to which namespace, so that a search in a small one does not walk the whole graph.

use hashbrown::HashMap;

#[derive(Default)]
pub(super) struct Namespaces {
    slots: HashMap<u64, Vec<u32>>,
    /// Where in its list each slot stands.
    places: Vec<u32>,
}

impl Namespaces {
    pub fn insert(&mut self, namespace: u64, slot: u32) {
        let list = self.slots.entry(namespace).or_default();
        let slots = self.places.len().max(slot as usize + 1);
        self.places.resize(slots, 0);
        self.places[slot as usize] = list.len() as u32;
        list.push(slot);
    }

    pub fn remove(&mut self, namespace: u64, slot: u32) {
        let Some(list) = self.slots.get_mut(&namespace) else {
            return;
        };
        let place = self.places[slot as usize] as usize;
        list.swap_remove(place);
        if let Some(&moved) = list.get(place) {
            self.places[moved as usize] = place as u32;
        }
        if list.is_empty() {
            self.slots.remove(&namespace);
        }
    }

    pub fn get(&self, namespace: u64) -> &[u32] {
        self.slots.get(&namespace).map_or(&[], Vec::as_slice)
    }

    pub fn bytes(&self) -> usize {
        let lists: usize = self.slots.values().map(|list| 4 * list.capacity()).sum();
        lists + self.slots.allocation_size() + 4 * self.places.capacity()
    }
}
