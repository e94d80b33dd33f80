// polyformer._client: the data owner's role, all that knows the secret key. It never leaves the objects here: none of
// them gives it out, shows it or can be copied.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "inputs.h"
#include "keep_secret.h"
#include "long_call.h"
#include "messages.h"
#include "module.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/service/shown_values.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::python {

namespace {

queries::ModelShape shape_of(const service::ClientPlan& plan) {
    return {plan.frame.context, plan.frame.width, plan.frame.vocabulary};
}

service::ClientPlan load_plan(const std::filesystem::path& folder) {
    require_folder(folder, FolderKind::plan_client);
    return service::load_client_plan(folder);
}

/// A plan's client part with a secret key.
struct Client {
    Client(const std::filesystem::path& folder, const std::filesystem::path& secret_file)
        : plan(load_plan(folder)),
          inputs(folder, shape_of(plan)),
          secret(ckks::load_secret_key(secret_file, plan.frame.parameters)) {}

    service::ClientPlan plan;
    Inputs inputs;
    ckks::SecretKey secret;
};

/// What was decrypted. Python gets it rounded, unless it asks for all of it by name.
struct Answer {
    service::PrivateLogits logits;
    double grid = 0;  ///< what numbers are shown by
    bool normalise = false;

    std::span<const double> output(std::size_t input) const {
        require(input < logits.images(), "there is no answer {}: the request had {} input(s)", input, logits.images());
        const auto rows = std::span(logits.rows());
        std::size_t first = 0;
        for (const std::size_t some : rows.first(input)) first += some;
        return logits.exact_for_data_owner().subspan(first * logits.vocabulary(), rows[input] * logits.vocabulary());
    }
};

nb::tuple generate_keys(const std::filesystem::path& folder, const std::filesystem::path& secret,
                        const std::filesystem::path& server_keys, bool overwrite, bool allow_insecure,
                        std::uint64_t most_bytes, const nb::object& progress) {
    const service::KeyFiles files = long_call(progress, [&] {
        for (const std::filesystem::path& path : {secret, server_keys}) {
            require<IoError>(overwrite || !std::filesystem::is_regular_file(path),
                             "'{}' exists already: name another file, or overwrite it with --force", path.string());
        }
        require_folder(folder, FolderKind::plan_client);
        CommandFiles()
            .reads("client", folder)
            .writes("--secret", secret, FileAccess::secret_key)
            .writes("--server-keys", server_keys)
            .check();
        const service::ClientPlan plan = service::load_client_plan(folder);
        const std::size_t bytes = plan.keys.file_bytes(plan.frame.parameters);
        if (bytes <= most_bytes) require_disk_space(bytes, server_keys);
        Progress making("generating keys", 1);
        const service::KeyFiles made = service::create_keys(
            plan, secret, server_keys,
            allow_insecure ? service::WeakParameters::allow : service::WeakParameters::refuse,
            [&](double share) { making.update(share); }, most_bytes);
        making.finish();
        return made;
    });
    return nb::make_tuple(files.secret_bytes, files.server_bytes);
}

nb::bytes encrypt(const Client& client, const std::vector<Rows<double>>& arrays) {
    const std::vector<model::Tensor> inputs = to_tensors(arrays);
    return to_bytes(long_call(nb::none(), [&] {
        const service::Request request = service::make_request(client.plan, client.secret, inputs);
        return bytes_of(
            [&](ckks::ByteSink& sink) { service::write_request(sink, client.plan.frame.parameters, request); });
    }));
}

Answer decrypt(const Client& client, const nb::object& reply, const nb::object& request) {
    const Message answered(reply, "the reply");
    std::optional<Message> question;
    if (!request.is_none()) question.emplace(request, "the request");
    return long_call(nb::none(), [&] {
        std::optional<service::Asked> asked;
        if (question) asked = service::asked_in(question->source(), client.plan.frame.parameters);
        const service::Reply read = service::read_reply(answered.source(), client.plan, client.secret, asked);
        return Answer{service::open_reply(client.plan, client.secret, read, asked), service::shown_grid(client.plan),
                      client.inputs.part.text().normalise};
    });
}

nb::ndarray<nb::numpy, double> array_of(const Answer& answer, std::size_t input, std::vector<double> values) {
    return to_numpy(std::move(values), {answer.logits.rows()[input], answer.logits.vocabulary()});
}

/// (index, percent) of the most likely entries.
nb::list most_likely(const Answer& answer, std::size_t input, std::size_t most) {
    nb::list list;
    for (const service::Likely& likely : answer.logits.most_likely(input, most)) {
        list.append(nb::make_tuple(likely.entry, likely.percent));
    }
    return list;
}

/// (index, score) of the best documents.
nb::list best(const Answer& answer, std::size_t input, std::size_t most) {
    const std::span<const double> scores = answer.output(input);
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return scores[i]; });
    nb::list list;
    for (const std::size_t entry : std::span(order).first(std::min(most, order.size()))) {
        list.append(nb::make_tuple(entry, service::rounded_to({scores[entry]}, answer.grid).front()));
    }
    return list;
}

/// Rounded, and of length 1 where the model's vectors are.
nb::ndarray<nb::numpy, double> shown(const Answer& answer, std::size_t input) {
    const std::span<const double> values = answer.output(input);
    return array_of(answer, input, service::shown_vector(values, answer.normalise, answer.grid).values);
}

nb::ndarray<nb::numpy, double> exact(const Answer& answer, std::size_t input) {
    const std::span<const double> values = answer.output(input);
    return array_of(answer, input, {values.begin(), values.end()});
}

}  // namespace

}  // namespace polyformer::python

NB_MODULE(_client, module) {
    using namespace polyformer::python;
    begin_module(module);
    nb::register_exception_translator([](const std::exception_ptr& raised, void*) {
        try {
            std::rethrow_exception(raised);
        } catch (const polyformer::service::InvalidAnswer& error) {
            raise_as("InvalidAnswer", error.what());
        }
    });
    bind_inputs(module);
    nb::class_<Client> bound(module, "Client");
    keep_secret(bound, "a client");
    bound
        .def_prop_ro(
            "inputs", [](const Client& client) -> const Inputs& { return client.inputs; },
            nb::rv_policy::reference_internal)
        .def_prop_ro("most_inputs", [](const Client& client) { return client.plan.frame.packing.images; })
        .def_prop_ro("security_bits",
                     [](const Client& client) { return client.plan.frame.parameters.security_bits(); });
    nb::class_<Answer>(module, "Answer")
        .def_prop_ro("rows", [](const Answer& answer) { return answer.logits.rows(); })
        .def_prop_ro("grid", [](const Answer& answer) { return answer.grid; })
        .def("most_likely", most_likely, nb::arg("input"), nb::arg("most"))
        .def("best", best, nb::arg("input"), nb::arg("most"))
        .def("shown", shown, nb::arg("input"))
        .def("exact", exact, nb::arg("input"));
    module.def("generate_keys", generate_keys, nb::arg("plan"), nb::arg("secret"), nb::arg("server_keys"),
               nb::arg("overwrite"), nb::arg("allow_insecure"), nb::arg("most_bytes"), nb::arg("progress").none());
    module.def(
        "load",
        [](const std::filesystem::path& plan, const std::filesystem::path& secret) {
            return long_call(nb::none(), [&] { return std::make_unique<Client>(plan, secret); });
        },
        nb::arg("plan"), nb::arg("secret"));
    module.def("encrypt", encrypt, nb::arg("client"), nb::arg("inputs"));
    module.def("decrypt", decrypt, nb::arg("client"), nb::arg("reply"), nb::arg("request").none());
    module.attr("MOST_KEY_BYTES") = polyformer::service::kMostServerKeyBytes;
}
