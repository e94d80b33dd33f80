#include "polyformer/cli/bench/operations_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>

#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/cli/bench/bench_commands.h"
#include "polyformer/cli/bench/work_counts.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::cli {

namespace {

using nlohmann::json;

/// Primes of a set given by its number of limbs: the largest that a scale may have.
constexpr int kPrimeBits = 48;

std::vector<double> random_message(std::size_t size) {
    std::mt19937_64 generator(1);
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<double> message(size);
    std::ranges::generate(message, [&] { return uniform(generator); });
    return message;
}

/// Decreasing, each at least one limb.
std::vector<std::size_t> limbs_to_measure(const OperationsRequest& request, const ckks::Parameters& parameters) {
    const auto top = static_cast<std::size_t>(parameters.working_level()) + 1;
    std::vector<std::size_t> limbs = request.limbs;
    if (limbs.empty()) limbs = {top, std::max<std::size_t>(top / 2, 2), std::max<std::size_t>(top / 4, 2)};
    for (const std::size_t count : limbs) {
        require(count >= 2 && count <= top, "ciphertexts of {} limbs were asked for, but these parameters have 2 to {}",
                count, top);
    }
    std::ranges::sort(limbs, std::greater<>{});
    limbs.erase(std::unique(limbs.begin(), limbs.end()), limbs.end());
    return limbs;
}

/// Measures one number of limbs after the other with one set of keys.
class Operations {
  public:
    Operations(const OperationsRequest& request, const ckks::Parameters& parameters, const ckks::SecretKey& secret,
               const MachinePeak& peak)
        : request_(request), parameters_(parameters), secret_(secret), peak_(peak) {
        const int level = parameters.working_level();
        ckks::KeyRequest wanted;
        wanted.add_relinearisation(parameters, level);
        wanted.add_rotation(parameters, 1, level);
        keys_ = std::make_shared<const ckks::EvaluationKeys>(
            ckks::KeyGenerator(parameters, secret).evaluation_keys(wanted));
    }

    void measure_at(std::size_t limbs) {
        limbs_ = limbs;
        const int level = static_cast<int>(limbs) - 1;
        const ckks::OperationCounter counter(parameters_, level);
        const ckks::Evaluator evaluator(parameters_, keys_);
        const auto plaintext =
            evaluator.encoder().encode(random_message(parameters_.slots()), level, parameters_.scale(level));
        const auto ciphertext = ckks::encrypt(parameters_, secret_, plaintext);
        const auto product = evaluator.multiply(ciphertext, ciphertext);
        const auto hoisted = evaluator.hoist(ciphertext);
        measure_transforms(level);
        const auto other = ckks::encrypt(parameters_, secret_, plaintext);
        record("add", counter.addition(), [&] { evaluator.add(ciphertext, other); });
        record("multiply_plain", counter.plaintext_product(), [&] { evaluator.multiply(ciphertext, plaintext); });
        record("rescale", counter.rescaling(), [&] { evaluator.rescale(product); });
        record("hoist", counter.decomposition(), [&] { evaluator.hoist(ciphertext); });
        record("rotate_hoisted", counter.hoisted_rotation(), [&] { evaluator.rotate(hoisted, 1); });
        record("rotate", counter.rotation(), [&] { evaluator.rotate(ciphertext, 1); });
        record("multiply_relinearise", counter.product(), [&] { evaluator.multiply(ciphertext, ciphertext); });
        measure_polynomial(evaluator, ciphertext);
    }

    json take_results() { return std::move(results_); }
    std::size_t key_bytes() const { return keys_->bytes(); }

  private:
    void record(const std::string& operation, const ckks::OperationCounts& counts, const std::function<void()>& body) {
        record(operation, work_of(counts, parameters_.ring_dimension()), body);
    }

    void record(const std::string& operation, const Work& work, const std::function<void()>& body) {
        const Timing timing = measure(body, request_.repetition);
        const Roofline line = roofline(peak_, work, timing.median);
        json object = to_json(timing, work, line);
        object["operation"] = operation;
        object["limbs"] = limbs_;
        results_.push_back(std::move(object));
    }

    /// Of the lowest limb again and again, and of all limbs one after the other, on one thread.
    void measure_transforms(int level) {
        ckks::RnsPolynomial rows(parameters_.ring_dimension(), limbs_);
        const auto transform = [&](int limb) {
            ckks::kernels().forward_ntt(rows.limb(static_cast<std::size_t>(limb)).data(), parameters_.q(limb));
        };
        const Work one = ntt_work(parameters_.ring_dimension());
        const auto count = static_cast<double>(limbs_);
        record("ntt_one_limb", one, [&] { transform(0); });
        record("ntt_all_limbs", Work{count * one.multiply_adds, count * one.bytes, count * one.working_set}, [&] {
            for (int limb = 0; limb <= level; ++limb) transform(limb);
        });
    }

    /// Its floor is that of its products with relinearisation and rescaling, each at the level half way.
    void measure_polynomial(const ckks::Evaluator& evaluator, const ckks::Ciphertext& ciphertext) {
        if (request_.polynomial_degree == 0) return;
        ckks::ChebyshevSeries series;
        for (std::size_t k = 0; k <= request_.polynomial_degree; ++k) {
            series.coefficients.push_back(1 / static_cast<double>(k + 1));
        }
        if (ciphertext.level < series.depth()) return;
        record("chebyshev", ckks::chebyshev_counts(parameters_, series.degree(), ciphertext.level - series.depth() / 2),
               [&] { ckks::evaluate_chebyshev(evaluator, series, ciphertext); });
    }

    const OperationsRequest& request_;
    ckks::Parameters parameters_;
    const ckks::SecretKey& secret_;
    const MachinePeak& peak_;
    std::shared_ptr<const ckks::EvaluationKeys> keys_;
    std::size_t limbs_ = 0;
    json results_ = json::array();
};

struct OperationsOptions {
    std::size_t ring_dimension = 65536;
    std::size_t insecure_ring_dimension = 0;
    std::size_t limbs = 0;
    int special_primes = 8;
    std::vector<std::size_t> levels;
    std::size_t polynomial_degree = 59;
    std::string json;
};

OperationsRequest request_of(const OperationsOptions& options) {
    OperationsRequest request;
    request.polynomial_degree = options.polynomial_degree;
    if (options.insecure_ring_dimension != 0) {
        request.parameters = ckks::presets::insecure_bootstrapping(options.insecure_ring_dimension);
        request.parameters.bootstrapping.reset();
    } else if (options.limbs == 0) {
        request.parameters = preset_for(options.ring_dimension);
    }
    if (options.limbs > 0) {
        require(options.limbs >= 2 && options.limbs <= 64, "--limbs is {}, but must lie in [2, 64]", options.limbs);
        if (options.insecure_ring_dimension == 0) request.parameters.ring_dimension = options.ring_dimension;
        request.parameters.working_levels = static_cast<int>(options.limbs) - 1;
        request.parameters.scale_bits = kPrimeBits;
        request.parameters.special_primes = options.special_primes;
        request.limbs = {options.limbs};
    }
    for (const std::size_t level : options.levels) request.limbs.push_back(level + 1);
    return request;
}

void print_operations(const json& result) {
    to_stdout(
        "ring dimension {}, {} limbs and {} special primes ({} digits at most), log2(QP) {:.0f}, {} bits of security, "
        "{} kernels, keys {:.0f} MB\n\n",
        result.at("ring_dimension").get<std::size_t>(), result.at("limbs").get<int>(),
        result.at("special_primes").get<int>(), result.at("digits").get<int>(), result.at("log2_qp").get<double>(),
        result.at("security_bits").get<int>(), result.at("kernels").get<std::string>(),
        result.at("key_bytes").get<double>() * 1e-6);
    std::vector<std::vector<std::string>> table{{"operation", "limbs"}};
    std::ranges::copy(roofline_heading(), std::back_inserter(table[0]));
    for (const json& one : result.at("measured")) {
        const Timing timing{.median = one.at("seconds")};
        const Work work{one.at("multiply_adds"), one.at("bytes"), 0};
        const Roofline line{one.at("floor_seconds"), one.at("share_of_peak"), one.at("bound")};
        auto& row = table.emplace_back(
            std::vector{one.at("operation").get<std::string>(), fmt::format("{}", one.at("limbs").get<std::size_t>())});
        std::ranges::copy(roofline_cells(timing, work, line), std::back_inserter(row));
    }
    to_stdout("{}", format_table(table));
}

void bench_operations(const OperationsOptions& options) {
    CommandFiles().writes("--json", options.json).check();
    const OperationsRequest request = request_of(options);
    const json result = measure_operations(request, [](const std::string& what) { to_stderr("{} ...\n", what); });
    if (options.json != "-") print_operations(result);
    write_json(result, options.json);
}

}  // namespace

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

json measure_operations(const OperationsRequest& request, const Announce& announce) {
    const auto parameters = ckks::Parameters::create(request.parameters);
    const std::vector<std::size_t> limbs = limbs_to_measure(request, parameters);
    const MachinePeak peak = measure_peak(ckks::kernels(), thread_count());
    announce(describe(peak));
    announce("keys");
    const auto secret = ckks::SecretKey::generate(parameters);
    Operations operations(request, parameters, secret, peak);
    for (const std::size_t count : limbs) {
        announce(fmt::format("operations on {} limbs", count));
        operations.measure_at(count);
    }
    return {{"ring_dimension", parameters.ring_dimension()},
            {"limbs", parameters.working_level() + 1},
            {"special_primes", parameters.special_count()},
            {"digits", parameters.digits(parameters.working_level())},
            {"log2_qp", parameters.log2_qp()},
            {"security_bits", parameters.security_bits()},
            {"kernels", ckks::kernels().name},
            {"threads", thread_count()},
            {"polynomial_degree", request.polynomial_degree},
            {"key_bytes", operations.key_bytes()},
            {"peak", to_json(peak)},
            {"measured", operations.take_results()}};
}

void add_bench_operations(CLI::App& bench) {
    auto options = std::make_shared<OperationsOptions>();
    auto* command =
        bench.add_subcommand("operations", "Rotation, products, rescaling, sums by level, beside the machine's peak");
    command->footer(
        "Examples:\n  polyformer bench operations --threads 1\n"
        "  polyformer bench operations --ring 32768 --levels 15 7\n"
        "  polyformer bench operations --limbs 24 --special-primes 8 --threads 1 --json operations.json");
    command->add_option("--ring", options->ring_dimension, "Ring dimension; its preset, unless --limbs is given")
        ->check(CLI::IsMember({"16384", "32768", "65536"}))
        ->capture_default_str();
    auto* limbs = command
                      ->add_option("--limbs", options->limbs,
                                   "A set of this many 48-bit primes (the lowest of 50 bits), without bootstrapping")
                      ->check(whole_number(1, 128));
    command
        ->add_option("--special-primes", options->special_primes,
                     "With --limbs: special primes of 50 bits, and limbs of a key-switching digit")
        ->check(whole_number(1, 64))
        ->needs(limbs)
        ->capture_default_str();
    command->add_option("--levels", options->levels, "Levels to measure at (limbs less one)")
        ->check(whole_number(0, 127));
    command
        ->add_option("--polynomial-degree", options->polynomial_degree,
                     "Of a Chebyshev polynomial, measured where the levels suffice; 0: none")
        ->check(whole_number(0, 1023))
        ->capture_default_str();
    add_insecure_ring_option(*command, options->insecure_ring_dimension);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { bench_operations(*options); });
}

}  // namespace polyformer::cli
