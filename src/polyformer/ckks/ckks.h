// Everything that a user of the scheme alone includes: parameters, encoding, keys, encryption and decryption,
// arithmetic on ciphertexts, linear maps, polynomials and bootstrapping.
//
//     #include <polyformer/ckks/ckks.h>
//
//     using namespace polyformer::ckks;
//     const Parameters parameters = Parameters::create(presets::leveled_16384());
//     const int level = parameters.working_level();
//
//     // The data owner keeps a secret key, and makes keys with which others may multiply, and rotate by one slot.
//     const SecretKey secret = SecretKey::generate(parameters);
//     KeyRequest request;
//     request.add_relinearisation(parameters, level);
//     request.add_rotation(parameters, 1, level);
//     const KeyGenerator generator(parameters, secret);
//     const auto keys = std::make_shared<const EvaluationKeys>(generator.evaluation_keys(request));
//     const Encoder encoder(parameters);
//     const std::vector<double> x{0.5, -0.25, 0.125, 1};
//     const Ciphertext a = encrypt(parameters, secret, encoder.encode(x, level, parameters.scale(level)));
//
//     // Whoever has the evaluation keys computes x[i] · x[i + 1] without seeing either.
//     const Evaluator evaluator(parameters, keys);
//     const Ciphertext b = evaluator.rescale(evaluator.multiply(a, evaluator.rotate(a, 1)));
//
//     // The data owner reads -0.125, -0.03125, 0.125, 0.5, but for noise.
//     const auto y = encoder.decode(decrypt(parameters, secret, b));
//
// Link polyformer::ckks_client. Both sides of the line of trust are here: a server must not include this header, but
// those of the parts that it needs (ckks/scheme, ckks/evaluator, ckks/circuits, ckks/bootstrapping, ckks/files), and
// link polyformer::ckks only; then it has no code that could read a secret key.
#pragma once

// IWYU pragma: begin_exports
#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/bootstrapping/failure_probability.h"
#include "polyformer/ckks/circuits/linear_transform.h"
#include "polyformer/ckks/circuits/periodic_transform.h"
#include "polyformer/ckks/circuits/rotated_inner_product.h"
#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/ckks/rotations/rotated_sum.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/encoder.h"
#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"
// IWYU pragma: end_exports
