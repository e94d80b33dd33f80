#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>

#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/compile/compile.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/service/server.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "tests/compile/small_plan.h"

namespace polyformer::service {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Everything but keys, which take a moment: a test makes them when it needs them.
class RolesTest : public ::testing::Test {
  protected:
    RolesTest() { std::filesystem::create_directory(directory_); }
    ~RolesTest() override { std::filesystem::remove_all(directory_); }
    RolesTest(const RolesTest&) = delete;
    RolesTest& operator=(const RolesTest&) = delete;
    RolesTest(RolesTest&&) = delete;
    RolesTest& operator=(RolesTest&&) = delete;

    std::filesystem::path directory_ =
        std::filesystem::path(::testing::TempDir()) / fmt::format("service-roles-{}", getpid());
    std::filesystem::path secret_path_ = directory_ / "secret.key";
    std::filesystem::path server_path_ = directory_ / "server.keys";
    model::Transformer transformer_ = fixtures::small_transformer(7);
    compile::Plan plan_ = compile::compile(transformer_.graph, fixtures::plan_options(1024, compile::Positions::all));
    ClientPlan client_ = client_plan(plan_);

    std::vector<std::int32_t> tokens(std::size_t count) const {
        return model::random_tokens(count, transformer_.graph.vocabulary, 3);
    }
    /// All roles, through files; the greatest difference to the interpreter's logits.
    double encrypted_error(const compile::Plan& plan, std::span<const std::int32_t> ids) const;
};

double RolesTest::encrypted_error(const compile::Plan& plan, std::span<const std::int32_t> ids) const {
    const ClientPlan client = client_plan(plan);
    double share = 0;
    const KeyFiles files =
        create_keys(client, secret_path_, server_path_, WeakParameters::allow, [&](double done) { share = done; });
    EXPECT_EQ(share, 1);
    EXPECT_EQ(files.server_bytes, std::filesystem::file_size(server_path_));
    EXPECT_EQ(files.secret_bytes, std::filesystem::file_size(secret_path_));
    const ckks::SecretKey secret = ckks::load_secret_key(secret_path_, plan.frame.parameters);
    const std::filesystem::path request_path = directory_ / "request";
    const std::filesystem::path reply_path = directory_ / "reply";
    constexpr std::size_t kFrame = 2048;  // header, sections, checksums
    const std::size_t request_bytes =
        save_request(request_path, plan.frame.parameters, make_request(client, secret, transformer_.embedding, ids));
    EXPECT_GT(request_bytes, plan.summary.request_bytes);
    EXPECT_LT(request_bytes, plan.summary.request_bytes + kFrame);

    const auto keys = load_server_keys(server_path_, plan);
    const Inference inference = infer(plan, keys, load_request(request_path, plan, keys->key_fingerprint));
    EXPECT_EQ(inference.profile.entries.size(), plan.steps.size());
    EXPECT_GT(inference.peak_resident_bytes, 0U);
    const std::size_t reply_bytes = save_reply(reply_path, plan.frame.parameters, inference.reply);
    EXPECT_GT(reply_bytes, plan.summary.reply_bytes);
    EXPECT_LT(reply_bytes, plan.summary.reply_bytes + kFrame);
    EXPECT_LT(files.server_bytes, plan.summary.key_bytes_file + kFrame + 256 * plan.summary.rotation_keys);
    EXPECT_GT(files.server_bytes, plan.summary.key_bytes_file);

    const Asked asked = load_asked(request_path, plan.frame.parameters);
    const PrivateLogits opened = open_reply(client, secret, load_reply(reply_path, client, secret, asked), asked);
    const std::span<const double> logits = opened.exact_for_data_owner();
    const model::Tensor expected = model::evaluate(transformer_.graph, transformer_.embedding.embed(ids)).logits;
    const std::size_t rows = client.frame.logit_rows({ids.size()}).front();
    EXPECT_EQ(logits.size(), rows * expected.columns);
    const std::span<const double> last_rows = std::span(expected.values).last(rows * expected.columns);
    double worst = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) worst = larger(worst, std::abs(logits[i] - last_rows[i]));
    return worst;
}

TEST_F(RolesTest, EncryptedLogitsAreTheInterpretersAtAllPositions) {
    EXPECT_GT(plan_.summary.bootstraps, 0U);
    const double error = encrypted_error(plan_, tokens(8));
    EXPECT_LT(error, 1e-3);
    EXPECT_GT(error, 0);
}

TEST_F(RolesTest, EncryptedLogitsAreTheInterpretersAtTheLastPositionOfAShortText) {
    EXPECT_LT(
        encrypted_error(compile::compile(transformer_.graph, fixtures::plan_options(1024, compile::Positions::last)),
                        tokens(5)),
        1e-3);
}

TEST_F(RolesTest, SeveralInputsShareARequest) {
    const compile::Plan plan =
        compile::compile(transformer_.graph, fixtures::plan_options(1024, compile::Positions::last, 4));
    const ClientPlan client = client_plan(plan);
    create_keys(client, secret_path_, server_path_, WeakParameters::allow);
    const ckks::SecretKey secret = ckks::load_secret_key(secret_path_, plan.frame.parameters);
    std::vector<model::Tensor> inputs;
    std::vector<double> expected;
    for (const unsigned length : {6U, 8U, 3U}) {
        inputs.push_back(
            transformer_.embedding.embed(model::random_tokens(length, transformer_.graph.vocabulary, length)));
        const model::Tensor logits = model::evaluate(transformer_.graph, inputs.back()).logits;
        expected.insert(expected.end(), logits.values.end() - static_cast<long>(logits.columns), logits.values.end());
    }
    const Request request = make_request(client, secret, inputs);
    EXPECT_EQ(request.lengths, (compile::Lengths{6, 8, 3}));
    EXPECT_EQ(request.inputs.size(), 1U);
    const Inference inference = infer(plan, load_server_keys(server_path_, plan), request);
    EXPECT_EQ(inference.reply.asked.lengths, request.lengths);
    const PrivateLogits opened = open_reply(client, secret, inference.reply, request.asked());
    const std::span<const double> logits = opened.exact_for_data_owner();
    ASSERT_EQ(logits.size(), expected.size());
    for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-3) << i;

    inputs.resize(4, inputs.front());
    inputs.back().rows = 9;
    inputs.back().values.resize(9 * inputs.back().columns);
    EXPECT_THAT([&] { make_request(client, secret, inputs); }, ThrowsMessage<Error>(HasSubstr("of 9 tokens is too")));
    inputs.back() = {0, inputs.front().columns, {}};
    EXPECT_THAT([&] { make_request(client, secret, inputs); }, ThrowsMessage<Error>(HasSubstr("of 0 tokens is too")));
    inputs.back() = inputs.front();
    inputs.push_back(inputs.front());
    EXPECT_THAT([&] { make_request(client, secret, inputs); }, ThrowsMessage<Error>(HasSubstr("takes 1 to 4")));
    inputs.resize(1);
    inputs.front().columns /= 2;
    EXPECT_THAT([&] { make_request(client, secret, inputs); }, ThrowsMessage<Error>(HasSubstr("width 8")));
}

TEST_F(RolesTest, AnswersFromOutsideTheIntervalsAreRefused) {
    // Within the bound of inputs, but all features at once: the variance is far above what the norms were made for.
    model::Tensor loud{8, 16, std::vector<double>(8 * 16, 0.99 * client_.frame.input_bound)};
    ASSERT_GT(model::outside_share(model::evaluate(transformer_.graph, loud).intervals), 0.1);
    create_keys(client_, secret_path_, server_path_, WeakParameters::allow);
    const ckks::SecretKey secret = ckks::load_secret_key(secret_path_, plan_.frame.parameters);
    const Request request = make_request(client_, secret, std::span(&loud, 1));
    const Inference inference = infer(plan_, load_server_keys(server_path_, plan_), request);
    EXPECT_THAT([&] { open_reply(client_, secret, inference.reply, request.asked()); },
                ThrowsMessage<InvalidAnswer>(HasSubstr("outside the intervals")));
}

TEST_F(RolesTest, ClientRefusesParametersWithoutSecurity) {
    EXPECT_THAT([&] { create_keys(client_, secret_path_, server_path_); },
                ThrowsMessage<Error>(AllOf(HasSubstr("INSECURE"), HasSubstr("0 bits of security"))));
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(RolesTest, ClientRefusesAPlanThatAsksForTerabytesOfKeys) {
    ClientPlan greedy = client_;
    for (int step = 1; step < static_cast<int>(plan_.frame.parameters.slots()); ++step) {
        greedy.keys.add_rotation(plan_.frame.parameters, step, plan_.frame.parameters.max_level());
    }
    const std::uint64_t wanted = client_.keys.file_bytes(plan_.frame.parameters);
    EXPECT_THAT([&] { create_keys(greedy, secret_path_, server_path_, WeakParameters::allow, {}, wanted); },
                ThrowsMessage<Error>(AllOf(HasSubstr("asks for"), HasSubstr("--most-key-bytes"))));
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
    EXPECT_NO_THROW(create_keys(client_, secret_path_, server_path_, WeakParameters::allow, {}, wanted));
}

TEST_F(RolesTest, FullDiskLeavesNoKeysBehind) {
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{std::size_t{3} << 20, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    EXPECT_THROW(create_keys(client_, secret_path_, server_path_, WeakParameters::allow), IoError);
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(RolesTest, ClientRefusesTextsThatDoNotFit) {
    const ckks::SecretKey secret = ckks::SecretKey::generate(plan_.frame.parameters);
    EXPECT_THAT([&] { make_request(client_, secret, transformer_.embedding, tokens(9)); },
                ThrowsMessage<Error>(AllOf(HasSubstr("9 tokens"), HasSubstr("at most 8"))));
    EXPECT_THROW(make_request(client_, secret, transformer_.embedding, {}), Error);
    model::Embedding loud = transformer_.embedding;
    for (float& value : loud.tokens.values) value *= 1000;
    EXPECT_THAT([&] { make_request(client_, secret, loud, tokens(4)); },
                ThrowsMessage<Error>(HasSubstr("outside the plan's bound")));
}

TEST_F(RolesTest, ServerRefusesRequestsThatDoNotFitBeforeAnyWork) {
    const ckks::SecretKey secret = ckks::SecretKey::generate(plan_.frame.parameters);
    ckks::EvaluationKeys keys;
    keys.key_fingerprint = secret.key_fingerprint();
    const Request sound = make_request(client_, secret, transformer_.embedding, tokens(4));
    ASSERT_NO_THROW(check_request(plan_, keys, sound));
    const auto refuse = [&](const std::function<void(Request&)>& change, const std::string& message) {
        Request changed = sound;
        change(changed);
        EXPECT_THAT([&] { check_request(plan_, keys, changed); }, ThrowsMessage<FormatError>(HasSubstr(message)));
    };
    refuse([](Request& r) { r.model_fingerprint = std::string(64, '0'); }, "for model 000000000000");
    refuse([](Request& r) { r.plan_fingerprint = std::string(64, '0'); }, "packed for plan 000000000000");
    refuse([](Request& r) { r.key_fingerprint = "0123"; }, "under key set 0123");
    refuse([](Request& r) { r.lengths = {9}; }, "9 tokens");
    refuse([](Request& r) { r.lengths = {0}; }, "0 tokens");
    refuse([](Request& r) { r.lengths = {4, 4}; }, "2 texts or images; this plan takes 1 to 1");
    refuse([](Request& r) { r.lengths.clear(); }, "0 texts or images");
    refuse([](Request& r) { r.inputs.push_back(r.inputs.front()); }, "2 ciphertexts");
    refuse([](Request& r) { r.inputs.front().level -= 1; }, "level");
    refuse([](Request& r) { r.inputs.front().scale *= 2; }, "scale");
    refuse([](Request& r) { r.inputs.front().slots = 1; }, "1 slots");
}

TEST_F(RolesTest, ServerTakesExactlyThePlansKeys) {
    const ckks::SecretKey secret = ckks::SecretKey::generate(plan_.frame.parameters);
    const auto top = plan_.frame.parameters.max_level();
    EXPECT_THAT(plan_.keys.keys(plan_.frame.parameters),
                Contains(ckks::KeyShape{{ckks::KeyRole::sparse_to_dense}, top, 2, top + 1}));
    const auto write = [&](const ckks::KeyRequest& request) {
        ckks::FileSink sink(server_path_);
        ckks::write_fresh_evaluation_keys(sink, plan_.frame.parameters, secret, request);
        sink.commit();
    };
    ckks::KeyRequest request = plan_.keys;
    request.bootstrapping = false;
    request.raised_steps.clear();
    write(request);
    EXPECT_THAT([&] { load_server_keys(server_path_, plan_); },
                ThrowsMessage<FormatError>(
                    AllOf(HasSubstr(fmt::format("{} of which differ", 2 + plan_.keys.raised_steps.size())),
                          HasSubstr("dense-to-sparse encapsulation at level 0 is missing"),
                          HasSubstr(fmt::format("sparse-to-dense encapsulation at level {} is missing", top)))));
    request = plan_.keys;
    ASSERT_GE(request.rotation_levels.size(), 2U);
    const auto removed = *request.rotation_levels.begin();
    request.rotation_levels.erase(request.rotation_levels.begin());
    auto& lowered = *request.rotation_levels.begin();
    const int needed = lowered.second;
    lowered.second = 0;
    int extra = 1;
    while (plan_.keys.rotation_levels.contains(extra)) ++extra;
    request.rotation_levels[extra] = 2;
    write(request);
    const auto refused = ThrowsMessage<FormatError>(
        AllOf(HasSubstr("3 of which differ"),
              HasSubstr(fmt::format("rotation by {} at level {} is missing,", removed.first, removed.second)),
              HasSubstr(fmt::format("rotation by {} is there for level 0 instead of {}", lowered.first, needed)),
              HasSubstr(fmt::format("rotation by {} at level 2 is not asked for", extra)),
              HasSubstr("Make new keys with this plan's client.json")));
    EXPECT_THAT([&] { load_server_keys(server_path_, plan_); }, refused);
    EXPECT_THAT([&] { check_server_keys(server_path_, plan_); }, refused);
    // Keys that came in another way are judged too.
    auto keys = std::make_shared<ckks::EvaluationKeys>();
    keys->key_fingerprint = secret.key_fingerprint();
    keys->parameters_fingerprint = plan_.frame.parameters.fingerprint();
    EXPECT_THAT([&] { infer(plan_, keys, make_request(client_, secret, transformer_.embedding, tokens(4))); },
                ThrowsMessage<Error>(HasSubstr(fmt::format("{} of which differ: relinearisation at level",
                                                           plan_.keys.keys(plan_.frame.parameters).size()))));
}

TEST_F(RolesTest, ServerRefusesASecretKeyFile) {
    ckks::FileSink sink(secret_path_);
    ckks::write_secret_key(sink, plan_.frame.parameters, ckks::SecretKey::generate(plan_.frame.parameters));
    sink.commit();
    EXPECT_THAT([&] { load_server_keys(secret_path_, plan_); },
                ThrowsMessage<FormatError>(HasSubstr("holds 'secret key', but 'evaluation keys' is needed")));
}

}  // namespace
}  // namespace polyformer::service
