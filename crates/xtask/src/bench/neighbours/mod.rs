//! What one namespace can do to the others: the same changes elsewhere, alone and beside a neighbour.

mod large_roles;
mod probe;
mod shapes;

use std::path::Path;

use fake_aws::FakeAws;

use super::Error;
use super::process::Operator;
use super::world::{Statuses, World};
use probe::{Probe, Victims};

/// The neighbour's namespace.
const GREEDY: &str = "greedy";

/// What a shape is measured in.
pub struct Stage<'a> {
    /// Where the operator's program is.
    pub root: &'a Path,
    /// The cluster and AWS.
    pub world: &'a World,
    /// The bindings of others.
    pub victims: &'a Victims,
    /// The verdicts.
    pub statuses: &'a mut Statuses,
}

impl Stage<'_> {
    /// An operator that is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn operator(&self) -> Result<Operator, Error> {
        let operator = Operator::new(self.world.operator(self.root)?).await?;
        operator.ready().await?;
        Ok(operator)
    }

    /// An operator to which all bindings of others are Working.
    ///
    /// # Errors
    /// When it does not start, or they are not within minutes.
    pub async fn settled(&self) -> Result<Operator, Error> {
        let operator = self.operator().await?;
        self.victims.settle(&operator).await?;
        Ok(operator)
    }

    /// The AWS endpoint.
    pub fn aws(&self) -> &FakeAws {
        &self.world.aws
    }

    /// Changes other namespaces' bindings for a while.
    ///
    /// # Errors
    /// When the world breaks.
    pub async fn probe(&mut self, operator: &Operator) -> Result<Probe, Error> {
        self.victims
            .probe(&self.world.client, operator, self.statuses)
            .await
    }
}

/// Measures; prints the figures.
///
/// # Errors
/// When the world around the operator breaks.
pub async fn run(root: &Path) -> Result<(), Error> {
    let world = World::start().await?;
    world.namespace(GREEDY).await?;
    let victims = Victims::seed(&world).await?;
    let mut statuses = Statuses::watch(world.client.clone());
    let mut stage = Stage {
        root,
        world: &world,
        victims: &victims,
        statuses: &mut statuses,
    };
    let operator = stage.settled().await?;
    println!("alone: {}", stage.probe(&operator).await?);
    drop(operator);
    // Others that come after find all bindings as they are here.
    large_roles::large_roles(&mut stage).await?;
    shapes::all(&mut stage).await
}
