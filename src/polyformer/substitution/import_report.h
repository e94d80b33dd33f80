// What an import found and did, for people and for programs.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/substitution/measurement/site_statistics.h"
#include "polyformer/substitution/polynomials/degree_choice.h"
#include "polyformer/substitution/polynomials/site_fit.h"
#include "polyformer/substitution/polynomials/trial.h"
#include "polyformer/substitution/softmax/score_shifts.h"
#include "polyformer/substitution/steps/measured_sites.h"

namespace polyformer::substitution {

/// How well a head's log-sum-exp is predicted, or that it became a mask.
struct HeadFindings {
    std::string attention = {};
    std::size_t head = 0;
    HeadResidual residual = {};
    bool constant = false;  ///< replaced by a mask
    double spread = 0;      ///< of a constant one, see ConstantHead
    double loss = 0;        ///< that folding it added
};

/// What one function's polynomial costs and loses.
struct SiteFindings {
    const SiteStatistics* seen = nullptr;
    SiteInterval interval = {};
    SiteFit fit = {};
    std::vector<DegreeOption> options = {};
    std::size_t pick = 0;
    std::size_t outside = 0;  ///< held-out texts with an input outside the interval
};

/// All that an import found.
struct Findings {
    OutputLoss kind = OutputLoss::cosine;
    double budget = 0;
    Comparison output = {};    ///< over held-out texts
    bool next_tokens = false;  ///< whether the output predicts them
    double escape = 0;         ///< probability that a text leaves an interval, summed over all
    double wanted_escape = 0;  ///< that intervals were asked for, before margins
    double margin = 0;
    std::size_t sample_texts = 0;
    std::size_t stress_texts = 0;
    std::size_t held_out_texts = 0;
    std::size_t tokens = 0;
    std::vector<HeadFindings> heads = {};
    std::vector<SiteFindings> sites = {};
    std::vector<FixedPolynomial> starts = {};
};

/// {"format": "polyformer-import", "version", "loss", "escape", "calibration", "heads", "starts", "sites"}: see
/// docs/import.md.
nlohmann::ordered_json to_json(const Findings& findings);

/// Tables and sentences for the terminal, from to_json()'s document.
std::string describe(const nlohmann::ordered_json& report);

/// One HTML file that needs nothing else, from to_json()'s document.
std::string render_page(const nlohmann::ordered_json& report);

}  // namespace polyformer::substitution
