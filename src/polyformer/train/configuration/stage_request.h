// One stage of training and converting a model, as a folder: what the command line asks of the program
// polyformer-train.
//
// FOLDER/stage.json says what to do, FOLDER/checkpoint how far the stage has come, FOLDER/results.json what came out.
// The recipe is everything that a stage's result depends on, those of the stages before it included; its digest names
// the folders of a study, so that variants share the stages that they have in common.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/train/configuration/config.h"

namespace polyformer::train {

/// The stages in order.
inline constexpr const char* train_name = "train";            ///< exact functions, from random weights
inline constexpr const char* tune_name = "tune";              ///< range minimisation
inline constexpr const char* substitute_name = "substitute";  ///< polynomials put in
inline constexpr const char* convert_name = "convert";        ///< training with the polynomials in place

/// What stage.json says: one stage, all that it depends on, and what to measure.
struct StageRequest {
    std::string stage;
    Config config;
    nlohmann::ordered_json recipe;
    std::filesystem::path prepared;  ///< folder that prepare() filled
    std::filesystem::path parent;    ///< folder of the stage before; empty for the first
    bool measure_test = false;       ///< on the whole test set
    bool measure_stability = false;  ///< for stages with polynomials
    std::string test_digest = {};    ///< of the test set that both are to be measured on; empty: not known
    std::filesystem::path model;     ///< where to write the model directory; empty: nowhere
};

/// The stages that `config` has: those of 0 epochs are left out, substitution never is.
std::vector<std::string> stages_of(const Config& config);

/// The recipe of a stage: its name, seed, schedule and whatever else it reads, with its parent's inside. `data` is
/// what identifies the training set, `precision` that of gradient descent.
nlohmann::ordered_json recipe_of(const std::string& stage, const Config& config, const nlohmann::ordered_json& data,
                                 const nlohmann::ordered_json& parent, const std::string& precision = "float32");

/// What a recipe, through its parents, says of the training set.
const nlohmann::ordered_json& data_in(const nlohmann::ordered_json& recipe);

/// Where two recipes first differ, for messages: "parent.schedule.learning_rate is 0.01 there and 0.02 here".
std::string difference(const nlohmann::ordered_json& there, const nlohmann::ordered_json& here);

/// Twelve hexadecimal digits that depend on the recipe.
std::string digest_of(const nlohmann::ordered_json& recipe);

void save_request(const StageRequest& request, const std::filesystem::path& folder);
/// Throws IoError, or FormatError naming the file and the key.
StageRequest load_request(const std::filesystem::path& folder);

/// Whether the results hold what is measured on the test set asked for.
bool test_measured(const StageRequest& request, const nlohmann::ordered_json& results);
bool stability_measured(const StageRequest& request, const nlohmann::ordered_json& results);

/// Whether a stage has been carried out and measured as asked, or has diverged: nothing is left to do.
bool settled(const StageRequest& request, const std::filesystem::path& folder);

/// results.json of a stage's folder; an empty object when there is none. Throws FormatError when it is damaged.
nlohmann::ordered_json load_results(const std::filesystem::path& folder);

}  // namespace polyformer::train
