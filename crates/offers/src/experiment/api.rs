//! Experiments over HTTP.

use axum::extract::State;
use axum::response::Response;
use kernel::{Page, Problem, kinds};
use store::Failure;
use utoipa_axum::routes;
use uuid::Uuid;
use web::{Change, ChangeOnly, Json, Paging, Path, Rejection, Reply, Routes, change};

use super::{Experiment, ExperimentError, ExperimentId, NewExperiment, Report, commands, queries};
use crate::Offers;
use crate::learn::PolicyName;

impl From<ExperimentError> for Problem {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::ArmCount | ExperimentError::SamePolicy(_) | ExperimentError::Shares(_) => {
                Self::invalid("arms", error.to_string())
            }
            ExperimentError::Unknown(_) | ExperimentError::UnknownArm(_) => {
                Self::new(&kinds::NOT_FOUND, error.to_string())
            }
            ExperimentError::AnotherRunning(_) | ExperimentError::Ended | ExperimentError::Control => {
                Self::new(&kinds::CONFLICT, error.to_string())
            }
        }
    }
}

pub(crate) fn routes() -> Routes<Offers> {
    Routes::new()
        .routes(routes!(list_experiments, start_experiment))
        .routes(routes!(show_experiment))
        .routes(routes!(stop_experiment))
        .routes(routes!(stop_experiment_arm))
}

/// Start an experiment
///
/// From now on people are split between the policies by a hash of their name, and stay where they are put. The first
/// arm is the control, with which the others are compared. One experiment runs at a time.
#[utoipa::path(post, path = "/offers/experiments", tag = "experiments", request_body = NewExperiment,
    responses((status = 201, description = "The experiment, running", body = Experiment, headers(("Location" = String))),
              (status = 409, description = "Another one is running")))]
async fn start_experiment(
    State(offers): State<Offers>,
    Change { body, key }: Change<NewExperiment>,
) -> Result<Response, Rejection> {
    let id = ExperimentId(offers.new_id());
    body.start(id, offers.store().now()).map_err(Problem::from)?;
    change(offers.store(), key, commands::call("offers.experiment.start"), move |tx, now| {
        let started = commands::start(tx, now, id, &body)?;
        Ok::<_, Failure<ExperimentError>>(Reply::created(format!("/offers/experiments/{id}"), &started))
    })
    .await
}

/// List the experiments, the latest first
#[utoipa::path(get, path = "/offers/experiments", tag = "experiments", params(Paging),
    responses((status = 200, description = "A page of them", body = Page<Experiment>)))]
async fn list_experiments(
    State(offers): State<Offers>,
    paging: Paging,
) -> Result<Json<Page<Experiment>>, Rejection> {
    let (after, limit) = (paging.after::<ExperimentId>()?, paging.limit);
    let found =
        offers.store().scan(move |tx| Ok::<_, Problem>(queries::list(tx, after, limit.probe())?)).await?;
    Ok(Json(Page::cut(found, limit, |experiment| experiment.id)))
}

/// Show what an experiment says so far
///
/// People, not views, are what was split, so the intervals come from sums over people (the delta method). They hold for
/// one look at an end fixed beforehand: who looks every day and stops at the first good one will often be wrong.
#[utoipa::path(get, path = "/offers/experiments/{id}", tag = "experiments",
    params(("id" = ExperimentId, Path, description = "The experiment")),
    responses((status = 200, description = "Its report", body = Report), (status = 404, description = "No such experiment")))]
async fn show_experiment(
    State(offers): State<Offers>,
    Path(id): Path<Uuid>,
) -> Result<Json<Report>, Rejection> {
    let id = ExperimentId(id);
    let found = offers.store().scan(move |tx| Ok::<_, Problem>(queries::report(tx, id)?)).await?;
    Ok(Json(found.ok_or_else(|| Problem::from(ExperimentError::Unknown(id)))?))
}

/// Stop an experiment
///
/// Everybody gets the default policy again; the numbers stay.
#[utoipa::path(post, path = "/offers/experiments/{id}/stop", tag = "experiments",
    params(("id" = ExperimentId, Path, description = "The experiment")),
    responses((status = 200, description = "The experiment, ended now or before", body = Experiment),
              (status = 404, description = "No such experiment")))]
async fn stop_experiment(
    State(offers): State<Offers>,
    Path(id): Path<Uuid>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    change(offers.store(), key, commands::call("offers.experiment.stop"), move |tx, now| {
        let stopped = commands::stop(tx, now, ExperimentId(id))?;
        Ok::<_, Failure<ExperimentError>>(Reply::ok(&stopped))
    })
    .await
}

/// Stop one arm of an experiment
///
/// Its people get the control's policy from now on and are not counted any more; its numbers stay.
#[utoipa::path(post, path = "/offers/experiments/{id}/arms/{policy}/stop", tag = "experiments",
    params(("id" = ExperimentId, Path, description = "The experiment"),
           ("policy" = String, Path, description = "The arm's policy", example = "thompson")),
    responses((status = 200, description = "The experiment, that arm stopped now or before", body = Experiment),
              (status = 404, description = "No such experiment, or no such arm in it"),
              (status = 409, description = "The arm is the control, or the experiment has ended")))]
async fn stop_experiment_arm(
    State(offers): State<Offers>,
    Path((id, policy)): Path<(Uuid, PolicyName)>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    change(offers.store(), key, commands::call("offers.experiment.stop_arm"), move |tx, now| {
        let changed = commands::stop_arm(tx, now, ExperimentId(id), policy)?;
        Ok::<_, Failure<ExperimentError>>(Reply::ok(&changed))
    })
    .await
}
