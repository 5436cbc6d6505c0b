//! Reads worlds written as Beta posteriors: YAML of exactly this shape, as the Open Bandit Dataset has it.
//!
//! ```yaml
//! men:
//!   alpha:
//!     - 47.0
//!   beta:
//!     - 12198.0
//! ```

use std::collections::BTreeMap;

/// Why a file of posteriors could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PosteriorError {
    /// A line is not of the shape that is read.
    #[error(
        "line {line}: expected `campaign:`, then `alpha:` or `beta:`, then `- number`, each indented more"
    )]
    Shape {
        /// Its number, from 1.
        line: usize,
    },
    /// A number is none, or not above zero.
    #[error("line {line}: `{text}` is not a number above 0")]
    Number {
        /// Its number, from 1.
        line: usize,
        /// What is written there.
        text: String,
    },
    /// There is no such campaign.
    #[error("no campaign is called `{wanted}`; there are {}", .known.join(", "))]
    Campaign {
        /// The one that was asked for.
        wanted: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A campaign has no arms, or not as many alphas as betas.
    #[error("campaign {campaign} has {alphas} alphas and {betas} betas")]
    Uneven {
        /// Its name.
        campaign: String,
        /// How many alphas.
        alphas: usize,
        /// How many betas.
        betas: usize,
    },
}

#[derive(Default)]
struct Lists {
    alpha: Vec<f64>,
    beta: Vec<f64>,
}

/// Means `alpha / (alpha + beta)` of a campaign's arms, in their order.
pub(super) fn means(text: &str, campaign: &str) -> Result<Vec<f64>, PosteriorError> {
    let mut campaigns = parse(text)?;
    let Some(lists) = campaigns.remove(campaign) else {
        let known = campaigns.into_keys().collect();
        return Err(PosteriorError::Campaign { wanted: campaign.to_owned(), known });
    };
    let (alphas, betas) = (lists.alpha.len(), lists.beta.len());
    if alphas != betas || alphas == 0 {
        return Err(PosteriorError::Uneven { campaign: campaign.to_owned(), alphas, betas });
    }
    Ok(lists.alpha.iter().zip(&lists.beta).map(|(alpha, beta)| alpha / (alpha + beta)).collect())
}

fn parse(text: &str) -> Result<BTreeMap<String, Lists>, PosteriorError> {
    let mut campaigns = BTreeMap::<String, Lists>::new();
    let mut campaign: Option<String> = None;
    let mut betas: Option<bool> = None;
    for (index, whole) in text.lines().enumerate() {
        let line = index + 1;
        let content = whole.split('#').next().unwrap_or_default().trim_end();
        let (indented, content) = (content.starts_with(' '), content.trim());
        let shape = PosteriorError::Shape { line };
        if content.is_empty() || content == "---" {
        } else if let Some(item) = content.strip_prefix('-') {
            let lists =
                campaign.as_ref().and_then(|name| campaigns.get_mut(name)).ok_or_else(|| shape.clone())?;
            let list = if betas.ok_or(shape)? { &mut lists.beta } else { &mut lists.alpha };
            list.push(number(item.trim(), line)?);
        } else {
            let key = content.strip_suffix(':').ok_or_else(|| shape.clone())?;
            match (indented, key) {
                (false, name) => {
                    campaigns.entry(name.to_owned()).or_default();
                    campaign = Some(name.to_owned());
                    betas = None;
                }
                (true, "alpha" | "beta") => betas = Some(key == "beta"),
                (true, _) => return Err(shape),
            }
        }
    }
    Ok(campaigns)
}

fn number(text: &str, line: usize) -> Result<f64, PosteriorError> {
    let number: f64 = text.parse().unwrap_or(f64::NAN);
    if number > 0.0 && number.is_finite() {
        Ok(number)
    } else {
        Err(PosteriorError::Number { line, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const TWO: &str = "# posteriors\nfirst:\n  alpha:\n    - 1.0\n    - 3\n  beta:\n    - 3.0\n    - 1\n\
                       second:\n  beta:\n  - 9\n  alpha:\n  - 1 # one\n";

    #[test]
    fn means_are_alpha_over_both() {
        assert_eq!(means(TWO, "first").unwrap(), [0.25, 0.75]);
        assert_eq!(means(TWO, "second").unwrap(), [0.1]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let told = |text: &str, campaign: &str| means(text, campaign).unwrap_err().to_string();
        assert_eq!(told(TWO, "third"), "no campaign is called `third`; there are first, second");
        assert_eq!(told("a:\n  alpha:\n    - one\n", "a"), "line 3: `one` is not a number above 0");
        assert_eq!(told("a:\n  alpha:\n    - -1\n", "a"), "line 3: `-1` is not a number above 0");
        assert_eq!(told("a:\n  alpha:\n    - 1\n", "a"), "campaign a has 1 alphas and 0 betas");
        assert!(told("a:\n  gamma:\n", "a").starts_with("line 2: expected"));
        assert!(told("  alpha:\n  - 1\n", "a").starts_with("line 2: expected"));
        assert!(told("a: 1\n", "a").starts_with("line 1: expected"));
    }
}
