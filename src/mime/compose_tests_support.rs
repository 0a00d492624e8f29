//! Drafts for the tests of the composer.
//!
//! Called by the tests beside it. The values must never change by the clock or by chance.

use super::{EightBit, How, Purpose, Stamp};
use crate::model::{AccountKey, Address, Draft, DraftKind, Identity, Moment};

pub(crate) fn identity(address: &str) -> Identity {
    Identity {
        account: AccountKey(1),
        address: Address {
            name: "Ann".to_owned(),
            address: address.to_owned(),
        },
        signature: String::new(),
    }
}

pub(crate) fn draft() -> Draft {
    Draft::new(DraftKind::New, identity("ann@example.org"))
}

pub(crate) const fn stamp() -> Stamp {
    Stamp {
        date: Moment {
            unix_secs: 880_127_706,
            offset_mins: -360,
        },
        token: [1; 16],
    }
}

pub(crate) const fn how() -> How {
    How {
        purpose: Purpose::Sending,
        eight_bit: EightBit::WhereNeeded,
        stamp: stamp(),
    }
}
