#include "polyformer/cli/bench/bootstrap_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"
#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/bootstrapping/failure_probability.h"
#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/cli/bench/bench_commands.h"
#include "polyformer/cli/bench/work_counts.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::cli {

namespace {

using nlohmann::json;

/// Bits that survive: −log2 of the absolute error, its mean over slots and the worst slot's.
class Precision {
  public:
    void add(std::span<const double> expected, std::span<const std::complex<double>> found) {
        for (std::size_t slot = 0; slot < expected.size(); ++slot) {
            const double bits = -std::log2(larger(std::abs(found[slot].real() - expected[slot]), 0x1p-60));
            sum_ += bits;
            worst_ = smaller(worst_, bits);
        }
        slots_ += expected.size();
    }
    double mean_bits() const { return sum_ / static_cast<double>(slots_); }
    double worst_bits() const { return worst_; }

  private:
    double sum_ = 0;
    double worst_ = 60;
    std::size_t slots_ = 0;
};

std::vector<std::vector<double>> random_messages(std::size_t count, std::size_t slots) {
    std::mt19937_64 generator(2);
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<std::vector<double>> messages(count, std::vector<double>(slots));
    for (auto& message : messages) std::ranges::generate(message, [&] { return uniform(generator); });
    return messages;
}

std::shared_ptr<const ckks::EvaluationKeys> make_keys(const ckks::Parameters& parameters, const ckks::SecretKey& secret,
                                                      double key_price) {
    const ckks::KeyRequest wanted = ckks::Bootstrapper::key_request(parameters, parameters.slots(), key_price);
    require_memory(wanted.memory_bytes(parameters), "the set of bootstrapping keys");
    Progress progress("generating keys", 1);
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        ckks::KeyGenerator(parameters, secret).evaluation_keys(wanted, [&](std::size_t done, std::size_t total) {
            progress.update(static_cast<double>(done) / static_cast<double>(total));
        }));
    progress.finish();
    return keys;
}

/// As a plan of bootstraps alone would have it.
double price_of(compile::Keys keys, const ckks::Parameters& parameters) {
    const compile::CostModel costs;
    const double seconds = costs.bootstrap * compile::ring_factor(parameters) / costs.threads;
    return compile::bootstrap_key_price(compile::seconds_per_key_byte(keys, seconds, parameters), 1, parameters, costs);
}

struct BootstrapOptions {
    bool pair = false;
    std::size_t runs = 3;
    std::size_t insecure_ring_dimension = 0;
    std::string keys = "fast";
    std::string json;
};

void print_bootstrap(const json& result) {
    const auto number = [&](const char* field, int digits) {
        return fmt::format("{:.{}f}", result.at(field).get<double>(), digits);
    };
    const auto count = [&](const char* field) { return fmt::format("{}", result.at(field).get<long>()); };
    to_stdout("{}", format_table({{"bootstrap", ""},
                                  {"ring dimension", count("ring_dimension")},
                                  {"log2(QP)", number("log2_qp", 0)},
                                  {"security bits", count("security_bits")},
                                  {"kernels, threads", fmt::format("{}, {}", result.at("kernels").get<std::string>(),
                                                                   result.at("threads").get<std::size_t>())},
                                  {"real ciphertexts at once", count("ciphertexts")},
                                  {"slots of each", count("slots")},
                                  {"seconds, median", number("seconds", 3)},
                                  {"fastest, slowest", number("fastest", 3) + ", " + number("slowest", 3)},
                                  {"floor by our own count, seconds", number("floor_seconds", 3)},
                                  {"% of the machine's peak",
                                   fmt::format("{:.0f} ({})", 100 * result.at("share_of_peak").get<double>(),
                                               result.at("bound").get<std::string>())},
                                  {"level before", count("level_before")},
                                  {"level after", count("levels_left")},
                                  {"levels gained", count("levels_gained")},
                                  {"seconds per level and ciphertext", number("seconds_per_level", 4)},
                                  {"mean bits", number("mean_bits", 1)},
                                  {"worst bits", number("worst_bits", 1)},
                                  {"log2 of failure probability", number("log2_failure_probability", 1)},
                                  {"rotation keys", count("rotation_keys")},
                                  {"keys", format_bytes(result.at("key_bytes").get<double>())},
                                  {"peak memory", format_bytes(result.at("peak_rss_bytes").get<double>())},
                                  {"page faults a run, after the first", number("page_faults_per_run", 1)}}));
}

void bench_bootstrap(const BootstrapOptions& options) {
    CommandFiles().writes("--json", options.json).check();
    BootstrapRequest request{.parameters = options.insecure_ring_dimension == 0
                                               ? ckks::presets::bootstrapping_65536()
                                               : ckks::presets::insecure_bootstrapping(options.insecure_ring_dimension),
                             .pair = options.pair,
                             .runs = options.runs,
                             .keys = compile::keys_named(options.keys).value()};
    const json result = measure_bootstrap(request, [](const std::string& what) { to_stderr("{} ...\n", what); });
    if (options.json != "-") print_bootstrap(result);
    write_json(result, options.json);
}

}  // namespace

json measure_bootstrap(const BootstrapRequest& request, const Announce& announce) {
    const auto parameters = ckks::Parameters::create(request.parameters);
    const auto secret = ckks::SecretKey::generate(parameters);
    const double key_price = price_of(request.keys, parameters);
    const auto keys = make_keys(parameters, secret, key_price);
    const ckks::Evaluator evaluator(parameters, keys);
    announce("bootstrap: encoding the transforms");
    const ckks::Bootstrapper bootstrapper(parameters, parameters.slots(), key_price);

    const int level = parameters.bootstrapping_input_level();
    const auto messages = random_messages(request.pair ? 2 : 1, parameters.slots());
    std::vector<ckks::Ciphertext> inputs;
    for (const auto& message : messages) {
        const auto plaintext = evaluator.encoder().encode(message, level, parameters.scale(level));
        inputs.push_back(ckks::encrypt(parameters, secret, plaintext));
    }
    std::vector<ckks::Ciphertext> outputs(inputs.size());
    const auto run = [&] {
        if (request.pair) {
            std::tie(outputs[0], outputs[1]) = bootstrapper.bootstrap_pair(evaluator, inputs[0], inputs[1]);
        } else {
            outputs[0] = bootstrapper.bootstrap_real(evaluator, inputs[0]);
        }
    };
    announce(fmt::format("bootstrap: 2 runs to warm up, {} measured", request.runs));
    run();
    run();
    std::vector<double> seconds;
    const std::size_t faults_before = minor_page_faults();
    for (std::size_t i = 0; i < std::max<std::size_t>(request.runs, 1); ++i) {
        seconds.push_back(measure_once(run));
    }
    const std::size_t faults = minor_page_faults() - faults_before;
    const Timing timing = summarise(seconds);

    Precision precision;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        precision.add(messages[i],
                      evaluator.encoder().decode(ckks::decrypt(parameters, secret, outputs[i]), parameters.slots()));
    }
    const int gained = outputs[0].level - level;
    const auto& bootstrapping = *parameters.literal().bootstrapping;
    const std::size_t resident = peak_resident_bytes();
    const MachinePeak peak = measure_peak(ckks::kernels(), thread_count());
    const Work work = work_of(ckks::bootstrap_counts(parameters, outputs.size()), parameters.ring_dimension());
    json result = to_json(timing, work, roofline(peak, work, timing.median));
    result.update(
        {{"peak", to_json(peak)},
         {"ring_dimension", parameters.ring_dimension()},
         {"log2_qp", parameters.log2_qp()},
         {"security_bits", parameters.security_bits()},
         {"kernels", ckks::kernels().name},
         {"threads", thread_count()},
         {"slots", parameters.slots()},
         {"ciphertexts", outputs.size()},
         {"level_before", level},
         {"levels_left", outputs[0].level},
         {"levels_gained", gained},
         {"level_bits", parameters.literal().scale_bits},
         {"seconds_per_level", timing.median / (gained * static_cast<double>(outputs.size()))},
         {"mean_bits", precision.mean_bits()},
         {"worst_bits", precision.worst_bits()},
         {"log2_failure_probability",
          ckks::log2_bootstrap_failure(parameters.ring_dimension(), bootstrapping.ephemeral_secret_weight,
                                       bootstrapping.interval)},
         {"rotation_keys", std::ranges::count_if(keys->shapes(), [](const auto& key) { return key.id.step != 0; })},
         {"key_bytes", keys->bytes()},
         {"transform_bytes", bootstrapper.bytes()},
         {"peak_rss_bytes", resident},
         {"page_faults_per_run", static_cast<double>(faults) / static_cast<double>(timing.runs)}});
    return result;
}

void add_bench_bootstrap(CLI::App& bench) {
    auto options = std::make_shared<BootstrapOptions>();
    auto* command = bench.add_subcommand("bootstrap", "A bootstrap: seconds, levels gained, precision, memory");
    command->footer(
        "Examples:\n  polyformer bench bootstrap --threads 1\n"
        "  polyformer bench bootstrap --pair --threads 2 --json bootstrap.json");
    command->add_flag("--pair", options->pair, "Two real ciphertexts at once, as the halves of complex slots");
    command->add_option("--runs", options->runs, "Measured runs, after two to warm up")
        ->check(whole_number(1, 1000))
        ->capture_default_str();
    add_keys_option(*command, options->keys);
    add_insecure_ring_option(*command, options->insecure_ring_dimension);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { bench_bootstrap(*options); });
}

}  // namespace polyformer::cli
