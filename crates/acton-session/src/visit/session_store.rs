use std::{future::Future, pin::Pin};

use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::{Base, Visit};

/// What the handler's `Session` gets instead of the stored id.
///
/// `cycle_id` deletes the id of the record and `flush` the id of the session: two ids tell the two apart.
fn alias(id: Id) -> Id {
    Id(!id.0)
}

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
                id: alias(id),
                data,
                expiry_date: OffsetDateTime::now_utc() + self.shared.lifetimes.idle,
            }))
        })
    }

    fn delete<'a, 'b, 'c>(&'a self, id: &'b Id) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            let mut saved = self.saved.lock().await;
            if saved.id.is_some_and(|own| *id == alias(own)) {
                saved.is_rotating = true;
            } else if saved.id.is_some() && (saved.id == Some(*id) || self.cookie == Some(*id)) {
                drop(saved);
                self.destroy().await?;
            }
            Ok(())
        })
    }
}
