//! The spans that are open, for a log that needs nothing of them but their names and fields.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tracing::Metadata;

/// Each thread opens its spans in one of these, so that threads seldom wait for each other.
static SHARDS: [Shard; 1 << SHARD_BITS] =
    [const { Shard(Mutex::new(Slots::new())) }; 1 << SHARD_BITS];
const SHARD_BITS: u32 = 4;
const SLOT_BITS: u32 = 28;

/// A slot whose text has grown larger gives it back.
const SPARE: usize = 1024;

/// On a cache line of its own.
#[repr(align(128))]
struct Shard(Mutex<Slots>);

struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

struct Slot {
    /// Of the span that is or was here.
    id: SpanId,
    /// None when it is free.
    references: usize,
    metadata: Option<&'static Metadata<'static>>,
    parent: Option<SpanId>,
    text: Vec<u8>,
}

/// How often its slot was used, the slot, and the shard; so no two spans have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpanId(pub(super) u64);

impl SpanId {
    fn shard(self) -> MutexGuard<'static, Slots> {
        lock(self.0 as usize & (SHARDS.len() - 1))
    }

    fn slot(self) -> usize {
        (self.0 >> SHARD_BITS) as usize & ((1 << SLOT_BITS) - 1)
    }
}

impl Slots {
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// None for a span that is over.
    fn find(&mut self, id: SpanId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id.slot())?;
        (slot.id == id && slot.references > 0).then_some(slot)
    }

    fn unused(&mut self, shard: usize) -> &mut Slot {
        let place = self.free.pop().unwrap_or_else(|| {
            let place = self.slots.len();
            self.slots.push(Slot {
                id: SpanId((place << SHARD_BITS | shard) as u64),
                references: 0,
                metadata: None,
                parent: None,
                text: Vec::new(),
            });
            place
        });
        let slot = &mut self.slots[place];
        // Never 0, which is no id.
        let low = (1 << (SHARD_BITS + SLOT_BITS)) - 1;
        let next = (slot.id.0 | low).wrapping_add(1).max(low + 1);
        slot.id = SpanId(next | slot.id.0 & low);
        slot
    }
}

/// Opens a span; its parent stays open at least as long.
pub(super) fn open(
    metadata: &'static Metadata<'static>,
    parent: Option<SpanId>,
    text: &[u8],
) -> SpanId {
    let parent = parent.filter(|parent| keep(*parent));
    let shard = own_shard();
    let mut slots = lock(shard);
    let slot = slots.unused(shard);
    slot.references = 1;
    slot.metadata = Some(metadata);
    slot.parent = parent;
    slot.text.extend_from_slice(text);
    slot.id
}

/// Keeps a span open until it is released once more; false if it is over.
pub(super) fn keep(id: SpanId) -> bool {
    let mut slots = id.shard();
    let slot = slots.find(id);
    slot.map(|slot| slot.references += 1).is_some()
}

/// Says whether that was the last one who kept it.
pub(super) fn release(id: SpanId) -> bool {
    let mut slots = id.shard();
    let Some(slot) = slots.find(id) else {
        return false;
    };
    slot.references -= 1;
    if slot.references > 0 {
        return false;
    }
    let parent = slot.parent.take();
    slot.text.clear();
    slot.text.shrink_to(SPARE);
    slots.free.push(id.slot());
    drop(slots);
    if let Some(parent) = parent {
        release(parent);
    }
    true
}

/// Adds fields to those that a span has.
pub(super) fn add(id: SpanId, separator: u8, text: &[u8]) {
    if let Some(slot) = id.shard().find(id) {
        if !slot.text.is_empty() {
            slot.text.push(separator);
        }
        slot.text.extend_from_slice(text);
    }
}

/// Calls `then` with the name and the fields of a span, which are empty if it is over; it must not ask for spans itself.
pub(super) fn with(id: SpanId, then: &mut dyn FnMut(&str, &[u8])) {
    match id.shard().find(id) {
        Some(slot) => then(
            slot.metadata.map_or("", |metadata| metadata.name()),
            &slot.text,
        ),
        None => then("", b""),
    }
}

pub(super) fn parent(id: SpanId) -> Option<SpanId> {
    id.shard().find(id)?.parent
}

pub(super) fn metadata(id: SpanId) -> Option<&'static Metadata<'static>> {
    id.shard().find(id)?.metadata
}

fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<usize>> = const { Cell::new(None) };
    }
    OWN.get().unwrap_or_else(|| {
        let own = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS.len();
        OWN.set(Some(own));
        own
    })
}

fn lock(shard: usize) -> MutexGuard<'static, Slots> {
    SHARDS[shard]
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}
