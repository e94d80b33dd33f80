#include "polyformer/substitution/substitution.h"

#include <gtest/gtest.h>

#include "polyformer/substitution/import_report.h"
#include "polyformer/support/error.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

CalibrationTexts texts() {
    return {random_texts(600, 1), random_texts(30, 2), random_texts(40, 3)};
}

SubstitutionOptions options() {
    return {.loss = 0.002, .escape = 0.01, .margin = 0.02, .degrees = {15, 31, 63, 127}, .quiet = true};
}

TEST(Substitution, GivesPolynomialsThatKeepTheOutput) {
    const Graph original = small_encoder();
    const Substituted result = substitute(original, texts(), options());
    validate(result.graph);
    for (const Node& node : result.graph.nodes) {
        if (const auto* apply = std::get_if<Apply>(&node.operation)) {
            EXPECT_GE(apply->polynomial.coefficients.size(), 4U) << node.name;
        }
    }
    // Texts that had no part in it, judged by the definition of the cosine alone.
    const Texts other = random_texts(60, 17);
    const std::vector<Tensor> wanted = evaluate_texts(original, other, Functions::exact);
    std::vector<std::vector<double>> largest(result.graph.nodes.size());
    const std::vector<Tensor> given =
        evaluate_texts(result.graph, other, Functions::polynomials, [&](NodeId node, std::span<const Tensor> values) {
            for (const Tensor& tensor : values) {
                for (const double x : tensor.values) EXPECT_LE(std::abs(x), result.graph.nodes[node].bound);
            }
        });
    double mean = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        double product = 0;
        double a = 0;
        double b = 0;
        for (std::size_t j = 0; j < kWidth; ++j) {
            product += wanted[i].values[j] * given[i].values[j];
            a += wanted[i].values[j] * wanted[i].values[j];
            b += given[i].values[j] * given[i].values[j];
        }
        mean += (1 - product / std::sqrt(a * b)) / static_cast<double>(wanted.size());
    }
    EXPECT_LT(mean, 0.004);
    EXPECT_LE(result.report["loss"]["mean"].get<double>(), 0.002);
}

TEST(Substitution, ATighterBudgetTakesHigherDegrees) {
    const auto depth_of = [](double loss) {
        SubstitutionOptions chosen = options();
        chosen.loss = loss;
        const Substituted result = substitute(small_encoder(), texts(), chosen);
        std::size_t sum = 0;
        for (const auto& site : result.report["sites"]) sum += site["depth"].get<std::size_t>();
        return sum;
    };
    EXPECT_GT(depth_of(1e-6), depth_of(0.05));
}

TEST(Substitution, TriesEachOfManySitesAtOneDegree) {
    SubstitutionOptions chosen = options();
    chosen.many_sites = 1;
    const Substituted quick = substitute(small_encoder(), texts(), chosen);
    const Substituted thorough = substitute(small_encoder(), texts(), options());
    EXPECT_LE(quick.report["loss"]["mean"].get<double>(), 0.002);
    // Each has degrees whose loss was not tried: proportional to the squares of errors.
    std::size_t fewer = 0;
    for (std::size_t s = 0; s < quick.report["sites"].size(); ++s) {
        fewer += quick.report["sites"][s]["tried"][0]["degree"] > thorough.report["sites"][s]["tried"][0]["degree"];
    }
    EXPECT_GT(fewer, 0U) << "degrees with large errors are passed over";
}

TEST(Substitution, RefusesWhatItCannotDo) {
    CalibrationTexts few = texts();
    few.sample = few.sample.part(0, 3);
    EXPECT_THROW(substitute(small_encoder(), few, options()), Error);
    Graph unknown = small_encoder();
    std::get<Apply>(unknown.nodes[node_named(unknown, "activation")].operation).replaces = "unheard";
    EXPECT_THROW(substitute(unknown, texts(), options()), Error);
    Graph done = small_encoder();
    for (Node& node : done.nodes) {
        if (auto* apply = std::get_if<Apply>(&node.operation)) apply->replaces.clear();
    }
    EXPECT_THROW(substitute(done, texts(), options()), Error);
}

}  // namespace
}  // namespace polyformer::substitution
