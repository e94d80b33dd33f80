// std::visit over a set of lambdas, one for each alternative.
#pragma once

namespace polyformer::model {

template <class... Lambdas>
struct Overloaded : Lambdas... {
    using Lambdas::operator()...;
};
template <class... Lambdas>
Overloaded(Lambdas...) -> Overloaded<Lambdas...>;

}  // namespace polyformer::model
