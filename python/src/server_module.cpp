// polyformer._server: the server's role. Links nothing that knows what a secret key is; a test looks at its symbols.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "long_call.h"
#include "messages.h"
#include "module.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/service/server.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::python {

namespace {

/// A plan with the keys of one client, ready to answer.
class Server {
  public:
    Server(const std::filesystem::path& folder, const std::filesystem::path& keys) {
        require_folder(folder, FolderKind::plan_server);
        plan_ = std::make_unique<const compile::Plan>(compile::load_plan(folder));
        service::check_server_keys(keys, *plan_);
        require_memory(plan_->summary.key_bytes_memory + plan_->summary.working_bytes, "this plan");
        Progress loading("loading keys", 1);
        keys_ = service::load_server_keys(keys, *plan_, [&](double share) { loading.update(share); });
        loading.finish();
        server_.emplace(*plan_, keys_);
    }

    service::Inference infer(const ckks::ByteSource& source) {
        const service::Request request = service::read_request(
            source, {plan_->frame, service::client_plan_fingerprint(*plan_), keys_->key_fingerprint});
        Progress computing("computing on ciphertext", 1);
        service::Inference inference =
            server_->infer(request, [&](double share, const std::string& step) { computing.update(share, step); });
        computing.finish();
        return inference;
    }

    const compile::Plan& plan() const { return *plan_; }
    std::size_t key_bytes() const { return keys_->bytes(); }

  private:
    std::unique_ptr<const compile::Plan> plan_;  // its address must not change
    std::shared_ptr<const ckks::EvaluationKeys> keys_;
    std::optional<service::Server> server_;
};

nb::list rows_of(const runtime::Profile& profile) {
    nb::list rows;
    for (const runtime::ProfileEntry& entry : profile.entries) {
        rows.append(nb::make_tuple(entry.step, entry.operation, entry.level, entry.seconds));
    }
    return rows;
}

/// The reply's bytes, the seconds that it took, and the profile.
nb::tuple infer(Server& server, const nb::object& request, const nb::object& progress) {
    const Message message(request, "the request");
    const auto [inference, bytes] = long_call(progress, [&] {
        service::Inference made = server.infer(message.source());
        std::vector<std::byte> written = bytes_of(
            [&](ckks::ByteSink& sink) { service::write_reply(sink, server.plan().frame.parameters, made.reply); });
        return std::pair(std::move(made), std::move(written));
    });
    return nb::make_tuple(to_bytes(bytes), inference.seconds, rows_of(inference.profile));
}

std::unique_ptr<Server> load(const std::filesystem::path& plan, const std::filesystem::path& keys,
                             const nb::object& progress) {
    return long_call(progress, [&] { return std::make_unique<Server>(plan, keys); });
}

}  // namespace

}  // namespace polyformer::python

NB_MODULE(_server, module) {
    using namespace polyformer::python;
    begin_module(module);
    nb::class_<Server>(module, "Server")
        .def_prop_ro("key_bytes", &Server::key_bytes)
        .def_prop_ro("estimated_seconds", [](const Server& server) { return server.plan().summary.seconds; });
    module.def("load", load, nb::arg("plan"), nb::arg("keys"), nb::arg("progress").none());
    module.def("infer", infer, nb::arg("server"), nb::arg("request"), nb::arg("progress").none());
}
