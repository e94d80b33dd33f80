#include "inputs.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "long_call.h"
#include "polyformer/support/error.h"

namespace polyformer::python {

namespace {

nb::list to_list(std::vector<model::Tensor> tensors) {
    nb::list list;
    for (model::Tensor& tensor : tensors) list.append(to_numpy(std::move(tensor)));
    return list;
}

/// The arrays, and what was left out in words.
nb::tuple ask(const Inputs& inputs, const queries::QuerySource& source) {
    queries::Query query = long_call(nb::none(), [&] { return inputs.part.read(source, inputs.shape); });
    return nb::make_tuple(to_list(std::move(query.inputs)), query.note);
}

nb::tuple read_texts(const Inputs& inputs, std::vector<std::string> texts, bool context_end) {
    queries::QuerySource source;
    source.text.texts = std::move(texts);
    source.text.context_end = context_end;
    return ask(inputs, source);
}

nb::tuple read_ids(const Inputs& inputs, std::vector<std::int32_t> ids, bool context_end) {
    queries::QuerySource source;
    source.text.ids = std::move(ids);
    source.text.context_end = context_end;
    return ask(inputs, source);
}

nb::tuple read_images(const Inputs& inputs, const std::vector<std::filesystem::path>& files) {
    return ask(inputs, {.text = {}, .images = {files.begin(), files.end()}});
}

nb::ndarray<nb::numpy, double> read_pixels(const Inputs& inputs, const Pixels& pixels) {
    require(inputs.part.takes_images(), "the model takes texts, not an image's pixels");
    inputs.part.require_fits(inputs.shape);
    require(pixels.shape(2) == 3, "an image is an array of (height, width, 3): red, green and blue, not of {} channels",
            pixels.shape(2));
    const model::Image image{pixels.shape(0), pixels.shape(1),
                             std::vector<std::uint8_t>(pixels.data(), pixels.data() + pixels.size())};
    return to_numpy(inputs.part.image()->patches(image));
}

}  // namespace

std::vector<model::Tensor> to_tensors(const std::vector<Rows<double>>& arrays) {
    std::vector<model::Tensor> tensors;
    for (const Rows<double>& array : arrays) tensors.push_back(to_tensor(array));
    return tensors;
}

void bind_inputs(nb::module_& module) {
    nb::class_<Inputs>(module, "Inputs")
        .def("texts", read_texts, nb::arg("texts"), nb::arg("context_end"))
        .def("ids", read_ids, nb::arg("ids"), nb::arg("context_end"))
        .def("images", read_images, nb::arg("files"))
        .def("pixels", read_pixels, nb::arg("image").noconvert())
        .def("name_of", [](const Inputs& inputs, std::size_t logit) { return inputs.part.name_of(logit); })
        .def_prop_ro("takes_images", [](const Inputs& inputs) { return inputs.part.takes_images(); })
        .def_prop_ro("output", [](const Inputs& inputs) { return model::name_of(inputs.part.output()); })
        .def_prop_ro("normalise", [](const Inputs& inputs) { return inputs.part.text().normalise; })
        .def_prop_ro("context", [](const Inputs& inputs) { return inputs.shape.context; })
        .def_prop_ro("width", [](const Inputs& inputs) { return inputs.shape.width; })
        .def_prop_ro("outputs", [](const Inputs& inputs) { return inputs.shape.vocabulary; });
}

}  // namespace polyformer::python
