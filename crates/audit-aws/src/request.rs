//! What can be asked of AWS.

use std::collections::BTreeSet;

use audit_core::model::IssuerUrl;

use crate::evidence::{Piece, PieceId};
use turns::AskedFor;

/// A question to AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectoryRequest {
    /// A piece of evidence, and what follows from it. Answered by a [`Reading::Piece`](crate::Reading::Piece) for each. What is
    /// waiting to be read is read once, however many ask for it.
    Piece {
        /// The ID of the account: 12 digits.
        account: String,
        /// The question.
        piece: Piece,
        /// For whom it is asked, which decides when its turn comes.
        asked_for: AskedFor,
    },
    /// All roles of an account: `GetAccountAuthorizationDetails`. Answered by
    /// [`Reading::Listing`](crate::Reading::Listing).
    Listing {
        /// The account's ID: 12 digits.
        account: String,
        /// The cluster's issuer: roles whose trust policy mentions it are kept.
        issuer: IssuerUrl,
        /// The names of roles that are kept anyway, or found to be absent.
        wanted: BTreeSet<String>,
    },
    /// Nobody waits for these pieces any more: those that are queued are not read, and not answered.
    Release {
        /// The account's ID: 12 digits.
        account: String,
        /// The pieces.
        pieces: BTreeSet<PieceId>,
    },
    /// The issuer of an EKS cluster in the operator's own account and region: `DescribeCluster`. Answered by
    /// [`Reading::EksIssuer`](crate::Reading::EksIssuer).
    EksIssuer {
        /// The cluster's name.
        cluster_name: String,
    },
}

impl DirectoryRequest {
    /// A question about a piece of evidence.
    pub fn piece(account: &str, piece: impl Into<Piece>, asked_for: AskedFor) -> Self {
        Self::Piece {
            account: account.to_owned(),
            piece: piece.into(),
            asked_for,
        }
    }
}
