#include "polyformer/compile/plan_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "polyformer/compile/compile.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/compile/small_plan.h"

namespace polyformer::compile {
namespace {

using fixtures::plan_options;
using fixtures::small_transformer;
using testing::HasSubstr;
using testing::ThrowsMessage;

class PlanFiles : public testing::Test {
  protected:
    void SetUp() override {
        // Its own for each test: ctest may run them side by side.
        directory_ = std::filesystem::path(testing::TempDir()) /
                     fmt::format("polyformer_plan_{}", testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::remove_all(directory_);
        model_ = small_transformer();
        PlanOptions options = plan_options(2048, Positions::last);
        options.costs.bootstrap = 7;
        options.keys = Keys::small;
        options.highest_input_level = 5;
        save_plan(compile(model_.graph, options), model_.graph, directory_);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::filesystem::path file() const { return directory_ / "plan.json"; }
    void replace(const std::string& from, const std::string& to) const {
        std::string text = read_file(file());
        const std::size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        write_file(file(), text.replace(at, from.size(), to));
    }

    std::filesystem::path directory_;
    model::Transformer model_;
};

TEST_F(PlanFiles, ComeBackAsTheyWere) {
    const Plan plan = load_plan(directory_);
    EXPECT_EQ(plan.options.positions, Positions::last);
    EXPECT_EQ(plan.options.costs.bootstrap, 7);
    EXPECT_EQ(plan.options.highest_input_level, 5);
    EXPECT_EQ(plan.options.keys, Keys::small);
    PlanOptions options = plan_options(2048, Positions::last);
    options.costs.bootstrap = 7;
    options.keys = Keys::small;
    options.highest_input_level = 5;
    const Plan again = compile(model_.graph, options);
    EXPECT_EQ(plan.keys.rotation_levels, again.keys.rotation_levels);
    EXPECT_EQ(plan.frame.model_fingerprint, again.frame.model_fingerprint);
}

TEST_F(PlanFiles, AreRefusedWhenTamperedWith) {
    replace("\"input_level\": ", "\"input_level\": 1");
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("input_level")));
}

TEST_F(PlanFiles, AreRefusedWithOtherOptions) {
    replace("\"last\"", "\"all\"");
    EXPECT_THROW(load_plan(directory_), FormatError);
    replace("\"all\"", "\"some\"");
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("'some'")));
}

TEST_F(PlanFiles, AreRefusedWhenForeignOrTruncated) {
    const std::string text = read_file(file());
    write_file(file(), text.substr(0, text.size() / 2));
    EXPECT_THROW(load_plan(directory_), FormatError);
    write_file(file(), "{\"format\": \"something else\"}");
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("something else")));
    write_file(file(), text);
    replace("\"ring_dimension\": 2048", "\"ring_dimension\": 3000");
    EXPECT_THROW(load_plan(directory_), Error);
}

TEST_F(PlanFiles, AreRefusedForAnotherModel) {
    const Plan plan = load_plan(directory_);
    model::Transformer other = small_transformer();
    other.graph.nodes.back().bound *= 2;
    EXPECT_THAT([&] { save_plan(plan, other.graph, directory_); }, ThrowsMessage<Error>(HasSubstr("model")));
    model::save_graph(other.graph, directory_);
    EXPECT_THAT([&] { load_plan(directory_); }, ThrowsMessage<FormatError>(HasSubstr("model_fingerprint")));
}

}  // namespace
}  // namespace polyformer::compile
