//! What happens, and what may happen at the same moment.

use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, prop_oneof},
};

/// Requests that are sent at the same moment.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) turn: Option<Turn>,
    /// After its id is written, how often others may come before the turn is over.
    pub(super) pauses: Option<u8>,
    /// The client of the turn leaves after it was polled so often.
    pub(super) leaves: Option<usize>,
    pub(super) rival: Option<(Rival, u8)>,
    pub(super) small: Vec<(Small, u8)>,
}

/// What changes the id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    Cycle,
    LogIn {
        remember: bool,
    },
    LogOut,
    /// Somebody else logs in.
    Switch,
    /// The browser comes back without its session; it may be remembered.
    Return,
}

/// What ends sessions while the turn is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rival {
    /// In another tab, which has read the session before.
    LogOut,
    /// Every session of the user, as after a change of password.
    RevokeAll,
    /// This one, from the list of another device.
    RevokeOne,
    /// All but this one, in another tab.
    RevokeOthers,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Small {
    Write,
    /// Writes while it holds messages.
    Note,
    /// Writes again after it has saved.
    Twice,
    Read,
    Push,
    /// A page that renders its messages.
    Show,
    /// A fragment that does not.
    Poll,
}

pub(super) fn phases() -> impl Strategy<Value = Vec<Phase>> {
    let turn = prop_oneof![
        3 => Just(Turn::Cycle),
        2 => Just(Turn::LogIn { remember: false }),
        2 => Just(Turn::LogIn { remember: true }),
        1 => Just(Turn::LogOut),
        1 => Just(Turn::Switch),
        1 => Just(Turn::Return),
    ];
    let rival = prop_oneof![
        Just(Rival::LogOut),
        Just(Rival::RevokeAll),
        Just(Rival::RevokeOne),
        Just(Rival::RevokeOthers)
    ];
    let small = prop_oneof![
        2 => Just(Small::Write),
        1 => Just(Small::Note),
        1 => Just(Small::Twice),
        1 => Just(Small::Read),
        2 => Just(Small::Push),
        2 => Just(Small::Show),
        1 => Just(Small::Poll),
    ];
    let phase = (
        option::of(turn),
        option::of(0..6_u8),
        option::weighted(0.25, 1..20_usize),
        option::weighted(0.3, (rival, 0..12_u8)),
        vec((small, 0..6_u8), 0..6),
    );
    let phase = phase.prop_map(|(turn, pauses, leaves, rival, small)| Phase {
        turn,
        pauses,
        leaves,
        rival,
        small,
    });
    vec(phase, 1..8)
}
