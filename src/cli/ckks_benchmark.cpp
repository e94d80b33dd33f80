#include "cli/ckks_benchmark.h"

#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "ckks/bootstrapping.h"
#include "ckks/kernels.h"
#include "ckks/secret_key.h"
#include "support/error.h"

namespace polyformer::cli {

namespace {

using nlohmann::json;

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Median over `runs` timed runs after one that is not counted.
double median_seconds(int runs, const std::function<void()>& work) {
    work();
    std::vector<double> seconds;
    for (int run = 0; run < runs; ++run) {
        const auto start = std::chrono::steady_clock::now();
        work();
        seconds.push_back(seconds_since(start));
    }
    std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
    return seconds[static_cast<std::size_t>(runs / 2)];
}

double uniform_in_unit_interval() {
    return 2.0 * randombytes_random() / static_cast<double>(std::numeric_limits<std::uint32_t>::max()) - 1.0;
}

ckks::ParametersLiteral preset_for(std::size_t ring_dimension) {
    switch (ring_dimension) {
        case std::size_t{1} << 14:
            return ckks::presets::leveled_16384();
        case std::size_t{1} << 15:
            return ckks::presets::leveled_32768();
        case std::size_t{1} << 16:
            return ckks::presets::bootstrapping_65536();
        default:
            fail("no preset with ring dimension {}: choose 16384, 32768 or 65536", ring_dimension);
    }
}

/// Bits that survive: −log2 of the absolute error, its mean over slots and the worst slot's.
struct Precision {
    double mean_bits = 0;
    double worst_bits = 0;
};

Precision precision_of(std::span<const double> expected, std::span<const std::complex<double>> found) {
    double sum = 0;
    double worst = 60;
    for (std::size_t slot = 0; slot < expected.size(); ++slot) {
        const double error = std::max(std::abs(found[slot].real() - expected[slot]), 0x1p-60);
        sum -= std::log2(error);
        worst = std::min(worst, -std::log2(error));
    }
    return {sum / static_cast<double>(expected.size()), worst};
}

json benchmark_bootstrap(const ckks::Parameters& parameters, const ckks::SecretKey& secret,
                         const ckks::Evaluator& evaluator) {
    const ckks::Bootstrapper bootstrapper(parameters, parameters.slots());
    std::vector<double> message(parameters.slots());
    std::generate(message.begin(), message.end(), uniform_in_unit_interval);
    const int level = parameters.bootstrapping_input_level();
    const auto plaintext = evaluator.encoder().encode(message, level, parameters.scale(level));
    const auto input = ckks::encrypt(parameters, secret, plaintext, parameters.slots());
    ckks::Ciphertext output;
    const double seconds = median_seconds(3, [&] { output = bootstrapper.bootstrap_real(evaluator, input); });
    const auto decoded = evaluator.encoder().decode(ckks::decrypt(parameters, secret, output), parameters.slots());
    const Precision precision = precision_of(message, decoded);
    const auto& bootstrapping = *parameters.literal().bootstrapping;
    return {{"seconds", seconds},
            {"slots", parameters.slots()},
            {"level_before", level},
            {"levels_left", output.level},
            {"levels_gained", output.level - level},
            {"mean_bits", precision.mean_bits},
            {"worst_bits", precision.worst_bits},
            {"log2_failure_probability",
             ckks::log2_bootstrap_failure(parameters.ring_dimension(), bootstrapping.ephemeral_secret_weight,
                                          bootstrapping.interval)}};
}

}  // namespace

json benchmark_ckks(std::size_t ring_dimension, const std::function<void(const std::string&)>& announce) {
    const auto parameters = ckks::Parameters::create(preset_for(ring_dimension));
    const int level = parameters.working_level();
    announce("keys");
    ckks::KeyRequest request;
    request.relinearisation_level = level;
    request.add_rotation(parameters, 1, level);
    if (parameters.can_bootstrap()) {
        request.merge(parameters, ckks::Bootstrapper::key_request(parameters, parameters.slots()));
    }
    const auto secret = ckks::SecretKey::generate(parameters);
    const ckks::KeyGenerator generator(parameters, secret);
    auto keys = std::make_shared<const ckks::EvaluationKeys>(generator.evaluation_keys(request));
    const ckks::Evaluator evaluator(parameters, keys);

    announce("operations");
    std::vector<double> message(parameters.slots());
    std::generate(message.begin(), message.end(), uniform_in_unit_interval);
    const auto plaintext = evaluator.encoder().encode(message, level, parameters.scale(level));
    const auto ciphertext = ckks::encrypt(parameters, secret, plaintext, parameters.slots());
    const auto product = evaluator.multiply(ciphertext, ciphertext);
    ckks::RnsPolynomial row(parameters.ring_dimension(), 1);
    const auto& tables = parameters.q(0);

    json result{{"ring_dimension", ring_dimension},
                {"log2_qp", parameters.log2_qp()},
                {"security_bits", parameters.security_bits()},
                {"kernels", ckks::kernels().name},
                {"level", level},
                {"limbs", level + 1},
                {"key_bytes", keys->bytes()}};
    result["seconds"] = {
        {"ntt_one_limb", median_seconds(31, [&] { ckks::kernels().forward_ntt(row.limb(0).data(), tables); })},
        {"rotate", median_seconds(7, [&] { evaluator.rotate(ciphertext, 1); })},
        {"multiply_relinearise", median_seconds(7, [&] { evaluator.multiply(ciphertext, ciphertext); })},
        {"rescale", median_seconds(7, [&] { evaluator.rescale(product); })},
    };
    const auto hoisted = evaluator.hoist(ciphertext);
    result["seconds"]["rotate_hoisted"] = median_seconds(7, [&] { evaluator.rotate(hoisted, 1); });
    if (parameters.can_bootstrap()) {
        announce("bootstrap");
        result["bootstrap"] = benchmark_bootstrap(parameters, secret, evaluator);
    }
    return result;
}

}  // namespace polyformer::cli
