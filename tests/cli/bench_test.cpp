// `polyformer bench` at small rings without security: what is reported, and that it is consistent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsSupersetOf;

std::vector<std::string> names_of(const json& measured, const char* field) {
    std::vector<std::string> names;
    for (const json& one : measured) names.push_back(one.at(field));
    return names;
}

/// Timing, work and roofline of one line.
void expect_consistent(const json& line) {
    const double seconds = line.at("seconds");
    EXPECT_GT(seconds, 0) << line;
    EXPECT_LE(line.at("fastest").get<double>(), seconds) << line;
    EXPECT_GE(line.at("slowest").get<double>(), seconds) << line;
    EXPECT_GT(line.at("bytes").get<double>(), 0) << line;
    EXPECT_GT(line.at("floor_seconds").get<double>(), 0) << line;
    EXPECT_NEAR(line.at("share_of_peak").get<double>(), line.at("floor_seconds").get<double>() / seconds, 1e-9) << line;
    EXPECT_FALSE(line.at("bound").get<std::string>().empty()) << line;
}

const json& find(const json& measured, const std::string& operation, std::size_t limbs) {
    const auto found = std::ranges::find_if(
        measured, [&](const json& one) { return one.at("operation") == operation && one.at("limbs") == limbs; });
    EXPECT_NE(found, measured.end()) << operation << " on " << limbs << " limbs";
    return *found;
}

TEST(BenchKernels, EveryKernelSetHasItsPeakAndARooflineLineForEachKernel) {
    const Folder folder;
    const std::string text = folder.must("bench kernels --ring 4096 --threads 1 --json kernels.json");
    EXPECT_THAT(text, HasSubstr("% of peak"));
    const json result = folder.json("kernels.json");
    EXPECT_EQ(result.at("threads"), 1);
    EXPECT_EQ(result.at("kernel_sets")[0].at("name"), "scalar");
    for (const json& set : result.at("kernel_sets")) {
        EXPECT_GT(set.at("peak").at("multiply_adds_per_second").get<double>(), 1e6);
        EXPECT_EQ(set.at("peak").at("bandwidths").back().at("where"), "memory");
        EXPECT_THAT(names_of(set.at("measured"), "kernel"),
                    IsSupersetOf({"forward NTT, one limb", "inverse NTT, 24 limbs in a row",
                                  "base conversion, 8 to 16 limbs", "automorphism, one limb"}));
        for (const json& line : set.at("measured")) expect_consistent(line);
    }
}

TEST(BenchOperations, OperationsAreMeasuredOnTheLimbsAskedFor) {
    const Folder folder;
    folder.must(
        "bench operations --insecure-ring-dimension 2048 --limbs 9 --special-primes 3 --levels 2 --polynomial-degree "
        "31 "
        "--threads 1 --json operations.json");
    const json result = folder.json("operations.json");
    EXPECT_EQ(result.at("security_bits"), 0);
    EXPECT_EQ(result.at("limbs"), 9);
    EXPECT_EQ(result.at("digits"), 3);
    EXPECT_EQ(result.at("threads"), 1);
    const json& measured = result.at("measured");
    for (const json& line : measured) expect_consistent(line);
    for (const char* operation :
         {"add", "multiply_plain", "rescale", "hoist", "rotate_hoisted", "rotate", "multiply_relinearise"}) {
        EXPECT_LT(find(measured, operation, 3).at("bytes"), find(measured, operation, 9).at("bytes")) << operation;
    }
    // By the formulas of operation_counts.h and work_counts.h, at N = 2048: l = 9, k = 3, d = 3.
    constexpr double kNtt = 1.5 * 1024 * 11;
    const double hoist = 36 * kNtt + 3 * 2048 * (1.5 * 3 + 3 * 9);
    EXPECT_DOUBLE_EQ(find(measured, "hoist", 9).at("multiply_adds").get<double>(), hoist);
    const double hoisted = 24 * kNtt + 2048 * (2 * 36 + 1.5 * 18 + 2 * (1.5 * 3 + 27));
    EXPECT_DOUBLE_EQ(find(measured, "rotate_hoisted", 9).at("multiply_adds").get<double>(), hoisted);
    EXPECT_DOUBLE_EQ(find(measured, "rotate", 9).at("multiply_adds").get<double>(), hoist + hoisted);
    // Degree 31 takes five levels: more than there are at level 2.
    EXPECT_EQ(std::ranges::count(names_of(measured, "operation"), "chebyshev"), 1);
}

TEST(BenchOperations, ParametersWithoutSecurityAreRefusedUnlessNamed) {
    const Folder folder;
    const Result result = folder.polyformer("bench operations --ring 16384 --limbs 24 --special-primes 8");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("log2(QP)"));
    const Result too_high = folder.polyformer("bench operations --insecure-ring-dimension 2048 --levels 40");
    EXPECT_EQ(too_high.exit_code, 2);
    EXPECT_THAT(too_high.output, HasSubstr("41 limbs"));
}

TEST(BenchBootstrap, LevelsGainedPrecisionAndMemoryAreReported) {
    const Folder folder;
    folder.must("bench bootstrap --insecure-ring-dimension 1024 --runs 2 --threads 1 --json one.json");
    folder.must("bench bootstrap --insecure-ring-dimension 1024 --runs 2 --threads 1 --pair --json two.json");
    const json one = folder.json("one.json");
    EXPECT_EQ(one.at("ciphertexts"), 1);
    EXPECT_EQ(one.at("runs"), 2);
    EXPECT_EQ(folder.json("two.json").at("ciphertexts"), 2);
    for (const json& result : {one, folder.json("two.json")}) {
        const int gained = result.at("levels_gained");
        EXPECT_EQ(gained, result.at("levels_left").get<int>() - result.at("level_before").get<int>());
        EXPECT_NEAR(result.at("seconds_per_level").get<double>() * gained * result.at("ciphertexts").get<double>(),
                    result.at("seconds").get<double>(), 1e-9);
        EXPECT_GT(result.at("mean_bits").get<double>(), result.at("worst_bits").get<double>());
        EXPECT_GT(result.at("worst_bits").get<double>(), 12);
        EXPECT_LT(result.at("log2_failure_probability").get<double>(), -100);
        EXPECT_GT(result.at("key_bytes").get<double>(), 1e6);
        EXPECT_TRUE(result.contains("page_faults_per_run"));
        expect_consistent(result);
    }
}

TEST(BenchLayer, OutputIsCheckedAndTheRefreshOfTheInputCounts) {
    const Folder folder;
    const std::string text = folder.must(
        "bench layer --layers 2 --width 16 --heads 2 --tokens 8 --insecure-ring-dimension 2048 --json layer.json");
    EXPECT_THAT(text, HasSubstr("rotated_product"));
    const json result = folder.json("layer.json");
    EXPECT_EQ(result.at("shape").at("feed_forward"), 64);
    EXPECT_LT(result.at("greatest_error").get<double>(), 0.01);
    EXPECT_GT(result.at("greatest_error").get<double>(), 0);
    double by_operation = 0;
    for (const auto& [name, time] : result.at("by_operation").items()) by_operation += time.at("seconds").get<double>();
    const json& layers = result.at("by_layer");
    const double by_layer =
        layers.at("layers.0").at("seconds").get<double>() + layers.at("layers.1").at("seconds").get<double>();
    EXPECT_NEAR(result.at("layers_seconds").get<double>(), by_operation, 1e-9);
    EXPECT_NEAR(by_layer, by_operation, 1e-9);
    EXPECT_GT(result.at("layers_floor_seconds").get<double>(), 0);
    EXPECT_LT(result.at("share_of_peak").get<double>(), 1);
    EXPECT_LT(by_layer, result.at("seconds").at("infer").get<double>());
    // An exhausted input: the first stretch of levels is empty, and the first layer starts with a bootstrap.
    EXPECT_EQ(result.at("plan").at("stretches")[0].at("used"), 0);
}

TEST(BenchLayer, ImpossibleShapesAreRefused) {
    const Folder folder;
    const Result result =
        folder.polyformer("bench layer --width 30 --heads 4 --tokens 8 --insecure-ring-dimension 2048");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("heads"));
}

TEST(BenchCkks, UnknownRingIsRefusedWithTheChoices) {
    const Folder folder;
    const Result result = folder.polyformer("bench ckks --ring 1000");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("{16384,32768,65536}"));
}

}  // namespace
}  // namespace polyformer::test
