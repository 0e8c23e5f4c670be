use std::time::Duration;

use super::{Saved, Visit, commit::back_off};
use crate::{
    error::Error,
    random,
    record::{Lease, PendingFlash, Slot, Stored, now_ms},
    store::{Key, Snapshot, Swap},
};

/// How long a request may take to show what it holds. Whoever never answers loses it to the next one.
const LEASE_MS: u64 = 30_000;
/// Waits for a request that holds messages and will most likely give them back; 155 ms in all.
const WAITS_MS: [u64; 5] = [5, 10, 20, 40, 80];

impl Visit {
    /// Takes the waiting messages out of everybody else's sight.
    ///
    /// A page that arrives together with fragments waits a moment for those that hold messages and do not show them.
    pub(crate) async fn claim_flash(&self) -> Result<(), Error> {
        for wait in WAITS_MS.into_iter().map(Some).chain([None]) {
            let mut saved = self.saved().await?;
            if !self.is_seen || self.pending().holder.is_some() {
                return Ok(());
            }
            match self.claim(&mut saved).await? {
                Claim::Settled => return Ok(()),
                Claim::HeldByOthers => {}
            }
            let Some(wait) = wait else { break };
            drop(saved);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            if !self.refresh().await? {
                break;
            }
        }
        Ok(())
    }

    async fn claim(&self, saved: &mut Saved) -> Result<Claim, Error> {
        let lease = Lease {
            holder: u64::from_le_bytes(random::bytes()),
            until_ms: now_ms() + LEASE_MS,
        };
        for round in 0.. {
            let (Some(session), Some(id)) = (saved.session(), saved.id) else {
                return Ok(Claim::Settled);
            };
            if session.flash.is_empty() {
                return Ok(Claim::Settled);
            }
            let (next, claimed) = with_lease(session, lease);
            if claimed.is_empty() {
                return Ok(Claim::HeldByOthers);
            }
            let expires_ms = next.expires_ms(&self.shared.lifetimes);
            let seen = saved.snapshot.clone().expect("a session was just read");
            let (key, slot) = (Key::of(&id), Slot::Live(next));
            let swapped = self.store.swap(&key, &seen, slot, expires_ms).await;
            match saved.remember(swapped)? {
                Swap::Done(snapshot) => {
                    saved.snapshot = Some(snapshot);
                    let mut pending = self.pending();
                    pending.holder = Some(lease.holder);
                    pending.held = Some(lease.holder);
                    pending.claimed = claimed;
                    return Ok(Claim::Settled);
                }
                Swap::Changed(now) => {
                    if !self.follow(saved, now) {
                        return Ok(Claim::Settled);
                    }
                }
            }
            back_off(round).await?;
        }
        Ok(Claim::Settled)
    }

    /// Looks again, without forgetting what the handler's `Session` began with.
    async fn refresh(&self) -> Result<bool, Error> {
        let mut saved = self.saved.lock().await;
        let Some(id) = saved.id else {
            return Ok(false);
        };
        let found = self.store.load(&Key::of(&id)).await;
        let found = saved.remember(found)?;
        Ok(self.follow(&mut saved, found))
    }

    /// Continues with what is there now, if it lives.
    ///
    /// Otherwise what was there stays for this request: what it writes finds its way when it is written.
    fn follow(&self, saved: &mut Saved, now: Option<Snapshot>) -> bool {
        let lives = now.as_ref().is_some_and(|now| self.lives(now));
        if lives {
            self.accept(saved, now);
        }
        lives
    }
}

enum Claim {
    Settled,
    HeldByOthers,
}

fn with_lease(session: &Stored, lease: Lease) -> (Stored, Vec<PendingFlash>) {
    let mut next = session.clone();
    let mut claimed = Vec::new();
    let now_ms = now_ms();
    for pending in &mut next.flash {
        if pending.lease.is_none_or(|lease| lease.until_ms <= now_ms) {
            pending.lease = Some(lease);
            claimed.push(pending.clone());
        }
    }
    (next, claimed)
}
