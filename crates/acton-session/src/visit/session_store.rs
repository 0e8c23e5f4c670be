use std::{future::Future, pin::Pin, sync::Weak};

use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::{Base, Visit};

type Answer<'a, T> = Pin<Box<dyn Future<Output = session_store::Result<T>> + Send + 'a>>;

/// A handler that saves by itself writes at once; what the layer saves comes the same way.
///
/// The signatures are those of `async_trait`, written out.
impl SessionStore for Visit {
    fn create<'a, 'b, 'c>(&'a self, record: &'b mut Record) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            if let Some(id) = self.commit(Some(&record.data)).await? {
                record.id = id;
            }
            Ok(())
        })
    }

    fn save<'a, 'b, 'c>(&'a self, record: &'b Record) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            self.commit(Some(&record.data)).await?;
            Ok(())
        })
    }

    fn load<'a, 'b, 'c>(&'a self, _: &'b Id) -> Answer<'c, Option<Record>>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            let mut saved = self.saved().await?;
            let (Some(snapshot), Some(id)) = (saved.snapshot.clone(), saved.id) else {
                return Ok(None);
            };
            saved.base = Base::Seen(snapshot.slot);
            let data = saved.base().cloned().unwrap_or_default();
            Ok(Some(Record {
                id,
                data,
                expiry_date: OffsetDateTime::now_utc() + self.shared.lifetimes.idle,
            }))
        })
    }

    /// `cycle_id` takes the id from the `Session` before it deletes the old one, `flush` and `delete` do not.
    fn delete<'a, 'b, 'c>(&'a self, _: &'b Id) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            let mut saved = self.saved.lock().await;
            let session = self.session.get().and_then(Weak::upgrade);
            if session.is_some_and(|session| session.id().is_none()) {
                saved.is_rotating = saved.id.is_some();
            } else if saved.id.is_some() || !saved.is_loaded {
                drop(saved);
                self.destroy().await?;
            }
            Ok(())
        })
    }
}
