#include "polyformer/trainer/statistics/excursions.h"

#include <string>

#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/statistics/site_statistics.h"

namespace polyformer::train {

using torch::Tensor;

nlohmann::ordered_json measure_excursions(Network& model, const std::vector<Tensor>& inputs) {
    const torch::NoGradGuard no_gradients;
    std::vector<Site> polynomial_sites = model.sites;
    for (Site& site : polynomial_sites) {
        site.lower = site.polynomial->lower;
        site.upper = site.polynomial->upper;
    }
    RangeTable table;
    std::vector<Tensor> entered;
    for (const Tensor& input : inputs) {
        check_interruption();
        model.forward(input, &entered);
        table.add(polynomial_sites, entered);
    }
    const std::vector<SeenRange> rows = table.rows();
    double values = 0;
    double outside = 0;
    double worst = 0;
    std::string worst_site;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        values += rows[i].values;
        outside += rows[i].outside;
        const Site& site = polynomial_sites[i];
        const double reached = excursion(site.kind, site.lower, site.upper, rows[i].smallest, rows[i].largest);
        if (reached > worst) {
            worst = reached;
            worst_site = site.name;
        }
    }
    return {{"outside_share", outside / values}, {"worst_excursion", worst}, {"worst_site", worst_site}};
}

}  // namespace polyformer::train
