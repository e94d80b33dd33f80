// What `polyformer train`, `tune` and `convert` do. All work in one folder, where a stage finds the one before it:
//   config.json      the configuration, every value spelled out
//   tokenizer.model  the vocabulary; train.ids, valid.ids and test.ids, the texts in it
//   lock             held while a run works here
//   train/, tune/, substitute/, convert/  one folder a stage (stage_request.h): checkpoint and results
//
// Gradient descent runs in a process of its own, `polyformer-train`, which alone loads LibTorch: Debian's SentencePiece
// and LibTorch each bring a Protobuf of another version, and a process that loads both crashes before main().
#pragma once

#include <filesystem>

#include "polyformer/train/process/trainer_process.h"

namespace polyformer::train {

/// What all three commands are told.
struct TrainOptions {
    std::filesystem::path config;  ///< configs/wikitext-small.json, for one
    std::filesystem::path data;    ///< folder of the training and validation texts
    std::filesystem::path work;    ///< made when missing; an unfinished run there is resumed
    TrainerOptions trainer;
};

/// Learns the vocabulary and trains the model with its exact functions. Returns whether the stage is complete; it is
/// not when SIGINT, SIGTERM or SIGHUP came, and the same call goes on. Throws Error, for one when the trainer is
/// missing (a build without LibTorch) or when the folder holds a stage of another configuration or data set; IoError
/// when another run works in the folder; what the trainer failed of (TrainerProcess::throw_failure()).
bool run_train(const TrainOptions& options);

/// Range minimisation from where `train` ended.
bool run_tune(const TrainOptions& options);

/// Puts polynomials in, trains on with them in place, and writes the model directory `model`.
bool run_convert(const TrainOptions& options, const std::filesystem::path& model);

}  // namespace polyformer::train
