"""Ways to break a guarantee, each with the test that must notice.

A mutant replaces one piece of source by another that looks alike and proves less. `run.py` tries them; the suite checks
that every piece still stands where the table says.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One piece of source, what replaces it, and who must notice."""

    name: str
    file: str
    old: str
    new: str
    killer: str


_EXACT, _RADIUS = "producer/src/producer/views/exact", "consumer/src/consumer/radius"
_ARTIFACTS = "shared_spec/src/shared_spec/artifacts"
_ROUNDING, _EXTREMES = "tests/bounds/test_exact_rounding.py", "tests/bounds/test_exact_extremes.py"

_LOGITS = (
    "tests/bounds/test_hand_over.py"
    "::test_a_class_that_only_the_rounding_of_the_logits_changes_is_not_certified"
)
_LINEAR = "tests/bounds/test_radius_linear.py"
_PARTS = "tests/pipeline/test_certificate_parts.py"
_STRIP = "tests/pipeline/test_strip.py"
_ARITHMETIC = "tests/laws/test_arithmetic.py"
_AUDIT = "producer/src/producer/auditing"
_FORGERIES = (
    "tests/pipeline/test_audit.py::test_what_was_forged_is_found_by_the_check_that_is_there_for_it"
)

MUTANTS = (
    Mutant(
        "pages of Parquet rows are not looked at", "shared_spec/src/shared_spec/artifacts/parquet.py",
        "            check_pages(content, group)\n", "",
        "tests/hostile/test_tables.py::test_another_way_to_write_them_is_refused",
    ),
    Mutant(
        "Parquet rows may be compressed", "shared_spec/src/shared_spec/artifacts/parquet_layout.py",
        '    _expect(f"{name}: compression", about.get(4), 0)\n', "",
        "tests/hostile/test_tables.py::test_another_way_to_write_them_is_refused",
    ),
    Mutant(
        "rounding is not carried from layer to layer", "shared_spec/src/shared_spec/relu_network.py",
        "carried = (errors[-1] @ magnitude + gamma", "carried = (0.0 * errors[-1] @ magnitude + gamma",
        f"{_ROUNDING}::test_errors_of_all_layers_hold_where_the_first_cancels",
    ),
    Mutant(
        "what underflows costs nothing", "shared_spec/src/shared_spec/relu_network.py",
        "return torch.where(total < LARGEST, UNDERFLOW * total, torch.inf)",
        "return torch.where(total < LARGEST, 0.0 * total, torch.inf)",
        f"{_EXTREMES}::test_a_coupling_through_an_active_neuron_that_underflows_is_in_the_error",
    ),
    Mutant(
        "the branch-and-bound radius has no rounding", f"{_EXACT}/branch_and_bound.py",
        "top = above((tops.max() + rounding) * INFLATION)", "top = above(tops.max() * INFLATION)",
        f"{_ROUNDING}::test_radius_and_tube_hold_where_rounding_is_all_there_is",
    ),
    Mutant(
        "boxes that touch the ball are dropped", f"{_EXACT}/cells.py",
        "_TOUCHES = 1.0 + 1e-12", "_TOUCHES = 0.999",
        f"{_ROUNDING}::test_slivers_at_the_sphere_are_kept",
    ),
    Mutant(
        "a neuron that is off at both ends is off between them", f"{_EXACT}/grid.py",
        "hidden[torch.maximum(first, second) + errors <= 0.0] = 0.0",
        "hidden[torch.maximum(first, second) <= 0.0] = 0.0",
        f"{_ROUNDING}::test_a_neuron_off_at_all_mesh_points_but_not_between_them",
    ),
    Mutant(
        "ranges of the first layer are a little short", f"{_EXACT}/affine_forms.py",
        "reach = norm_above(rays.slopes, dim=0)", "reach = 0.999 * norm_above(rays.slopes, dim=0)",
        f"{_ROUNDING}::test_a_first_neuron_that_switches_at_the_rim_only_is_kept",
    ),
    Mutant(
        "ranges of deeper layers are a little short", f"{_EXACT}/affine_forms.py",
        "    radius = (forms.generators.abs().sum(1) + forms.error) * INFLATION\n    return",
        "    radius = (forms.generators.abs().sum(1) + forms.error) * 0.999\n    return",
        f"{_ROUNDING}::test_a_deeper_neuron_that_switches_at_the_rim_only_is_kept",
    ),
    Mutant(
        "tubes are measured from vertices that are not exported", f"{_EXACT}/tubes.py",
        "    vertices = rounded[places].to(torch.float64)\n", "    vertices = values[places]\n",
        f"{_ROUNDING}::test_tubes_are_measured_from_the_float32_vertices_that_are_exported",
    ),
    Mutant(
        "the subtraction of a centre is exact", f"{_EXACT}/affine_forms.py",
        "error = rows.error + gamma(len(slopes) + 8) * size", "error = rows.error + 0.0 * size",
        f"{_ROUNDING}::test_the_difference_to_a_centre_and_generators_counts_its_own_rounding",
    ),
    Mutant(
        "the spectral norm is a tenth too small", "producer/src/producer/views/network.py",
        "return float((largest + rounding).sqrt() * scale) * (1.0 + 1e-9)",
        "return float((largest + rounding).sqrt() * scale) * 0.9",
        f"{_ROUNDING}::test_the_spectral_norm_is_never_below_the_true_one",
    ),
    Mutant(
        "the gap of a ReLU is a product first", f"{_EXACT}/grid.py",
        "return less / (less / more.clamp_min_(_TINY)).add_(1.0)",
        "return less * more / (less + more).clamp_min(_TINY)",
        f"{_EXTREMES}::test_the_gap_of_a_relu_is_right_over_the_whole_range_of_float64",
    ),
    Mutant(
        "bounds that are not numbers close a box", f"{_EXACT}/branch_and_bound.py",
        "live = ~(upper + rounding <= goal)", "live = upper + rounding > goal",
        f"{_EXTREMES}::test_a_search_whose_bounds_overflow_reaches_nothing",
    ),
    Mutant(
        "the hand-over costs nothing", f"{_EXACT}/view.py",
        "moved = (bound.rounding + 2.0**-24 * size + tiny) * INFLATION",
        "moved = 0.0 * (bound.rounding + 2.0**-24 * size + tiny)",
        "tests/bounds/test_hand_over.py",
    ),
    Mutant(
        "a leap between two chains is part of them", f"{_EXACT}/grid.py",
        "joined = same & ~torch.isin(mesh.tau[:-1], rays.ends)", "joined = same",
        "tests/bounds/test_exact_chains.py::test_the_leap_from_one_chain_to_the_next_is_not_bounded_but_passed_over",
    ),
    Mutant(
        "a tube leaves out how far the mesh is from the curve", f"{_EXACT}/tubes.py",
        "worst = (torch.maximum(off[left], off[right]) + mesh.deviation[mine]).max()",
        "worst = torch.maximum(off[left], off[right]).max()",
        "tests/bounds/test_exact_chains.py::test_every_point_of_every_chain_is_in_the_tube_and_the_ball",
    ),
    Mutant(
        "a part of a tube reaches beyond the places of its vertices", "consumer/src/consumer/prefix.py",
        "certify_base_tube(head, part, wide, classes) & (share <= covered)",
        "certify_base_tube(head, part, wide, classes)",
        "tests/bounds/test_prefix.py::test_nothing_is_said_of_people_whom_the_places_do_not_reach",
    ),
    Mutant(
        "a part of a tube ends at the last vertex within it", "consumer/src/consumer/prefix.py",
        "torch.where((wanted == place)[..., None], exact, between)",
        "torch.where((wanted == place)[..., None], exact, torch.where((wanted < 0)[..., None], last, first))",
        "tests/bounds/test_prefix.py::test_nobody_within_the_largest_epsilon_is_decided_otherwise",
    ),
    Mutant(
        "a mesh without the corners of its chains", f"{_EXACT}/bounds.py",
        "return (starts[:, None] * corners + steps / fineness).flatten()",
        "return (starts[:, None] * corners + steps[[0, -1]] / fineness).flatten()",
        "tests/bounds/test_exact_chains.py",
    ),
    Mutant(
        "the adversary tries the ends of chains only", "producer/src/producer/neighbours.py",
        "for i in range(1, images)]", "for i in range(1, 2)]",
        "tests/laws/test_chains.py::test_the_furthest_is_at_least_as_far_as_every_corner_and_lies_on_a_chain",
    ),
    Mutant(
        "a person is a counterpart of its own", "producer/src/producer/counterparts.py",
        "(-1 if found.own is None else found.own)", "-1",
        "tests/laws/test_counterparts.py::test_an_individual_is_no_counterpart_of_its_own",
    ),
    Mutant(
        "slack for rounding is dropped from linear heads", f"{_RADIUS}/linear.py",
        "self.error = 3.0 * rounding", "self.error = 0.0",
        f"{_LINEAR}::test_the_rounding_slack_is_paid",
    ),
    Mutant(
        "the smoothed head is proved at the centre only", f"{_RADIUS}/linear.py",
        " - radii.to(torch.float64)[:, None]", "",
        f"{_LINEAR}::test_on_a_line_the_smoothed_head_is_certified_only_where_more_than_half_is_left",
    ),
    Mutant(
        "the smoothed head loses noise to the nearest rival only", f"{_RADIUS}/linear.py",
        "0.0).sum(-1)", "0.0).amax(-1)",
        f"{_LINEAR}::test_on_a_line_the_smoothed_head_is_certified_only_where_more_than_half_is_left",
    ),
    Mutant(
        "noise rounds no logit of the smoothed head", f"{_RADIUS}/linear.py",
        " - noise * self.drift[classes]", "",
        f"{_LINEAR}::test_what_float64_loses_of_noisy_logits_is_charged_to_the_smoothed_head",
    ),
    Mutant(
        "a proof of three classes' smoothed head is taken for complete", "consumer/src/consumer/decide.py",
        "noisy.head.classes == 2", "noisy.head.classes <= 3",
        "tests/bounds/test_decisions.py::test_only_those_are_sampled_whom_no_proof_settles",
    ),
    Mutant(
        "rounding of the lines through layers is dropped", f"{_RADIUS}/crown.py",
        "slack = slack + gamma(terms) * (size + shift.abs() + constant.abs())", "slack = slack + 0.0 * size",
        "tests/bounds/test_radius_rounding.py::test_no_bound_on_a_segment_exceeds_the_exact_least_margin",
    ),
    Mutant(
        "linear logits are exact wherever they are evaluated", f"{_RADIUS}/linear.py",
        "above(rounding * both)", "0.0 * both",
        _LOGITS,
    ),
    Mutant(
        "the logits of an MLP head are exact wherever they are evaluated", f"{_RADIUS}/crown.py",
        "error = (lost.gather(1, own) + lost) * INFLATION", "error = 0.0 * lost",
        _LOGITS,
    ),
    Mutant(
        "the quadratic certificate forgets the rounding of the logits", f"{_RADIUS}/forms.py",
        "shift[classes] - shift[rivals] - error,", "shift[classes] - shift[rivals],",
        "tests/bounds/test_radius_mlp.py"
        "::test_what_float64_may_lose_of_a_margin_is_charged_to_the_quadratic_certificate_too",
    ),
    Mutant(
        "rounding of the last product is dropped", f"{_RADIUS}/crown.py",
        "slack = slack + gamma(rows.shape[-1] + 16) * (size + constant.abs() + reach)", "slack = slack + 0.0 * size",
        "tests/bounds/test_radius_scales.py",
    ),
    Mutant(
        "neurons count as on a little below 0", f"{_RADIUS}/crown.py",
        "return self.low >= 0.0", "return self.low >= -1e-3",
        "tests/bounds/test_radius_rounding.py::test_neurons_count_as_stable_only_where_they_are",
    ),
    Mutant(
        "midpoints are exact", f"{_RADIUS}/tube.py",
        "delta = widened(delta, _midpoint_rounding(vertices, bisections))", "delta = widened(delta, 0.0 * delta)",
        "tests/bounds/test_radius_rounding.py::test_tubes_are_cut_with_that_widening",
    ),
    Mutant(
        "the check reuses the draws of the centre", "producer/src/producer/views/smoothing/view.py",
        '("check", plan.n1), ("radius", plan.n)', '("centre", plan.n1), ("radius", plan.n)',
        "tests/bounds/test_smoothing_encoder.py::test_every_purpose_draws_from_a_stream_of_its_own",
    ),
    Mutant(
        "the class is selected on the samples that test it", "consumer/src/consumer/decide.py",
        'draws.streams("consumer.select", [', 'draws.streams("consumer.test", [',
        "tests/statistical/test_consumer_coverage.py::test_the_class_is_not_chosen_on_the_samples_that_test_it",
    ),
    Mutant(
        "the consumer's alpha is not added", "consumer/src/consumer/claims.py",
        "**({HEAD_EVENT: sampling.alpha} if method.sampled else {})", "",
        "tests/bounds/test_claims.py::test_both_parties_levels_are_spent_on_every_individual",
    ),
    Mutant(
        "abstentions are dropped from the accuracy", "consumer/src/consumer/claims.py",
        "        if group.label:\n", "        if group.label and group.prediction:\n",
        "tests/bounds/test_claims.py::test_an_abstention_counts_as_an_error",
    ),
    Mutant(
        "UNDECIDED by the producer is not taken back", "consumer/src/consumer/decide.py",
        "status=np.where(bounded, decisions.status, other),",
        "status=np.where(bounded | ~abstained, decisions.status, other),",
        "tests/bounds/test_decisions.py::test_nobody_is_certified_whom_the_producer_did_not_bound",
    ),
    Mutant(
        "sampled heads are tested at R(z), not at the centre", "consumer/src/consumer/decide.py",
        "        bounds.centres[left],\n        bounds.radii[left],",
        "        bounds.points[left],\n        bounds.radii[left],",
        "tests/bounds/test_decisions.py::test_the_predicted_class_is_tested_around_the_centre_not_around_the_point",
    ),
    Mutant(
        "the smoothed head is proved around R(z), not around the centre", "consumer/src/consumer/decide.py",
        "_proved(noisy, bounds.centres,", "_proved(noisy, bounds.points,",
        "tests/bounds/test_decisions.py::test_the_predicted_class_is_tested_around_the_centre_not_around_the_point",
    ),
    Mutant(
        "another method is named", "consumer/src/consumer/decide.py",
        "method=np.full(len(classes), method.value),", 'method=np.full(len(classes), "randomized"),',
        "tests/bounds/test_decisions.py::test_a_decision_names_its_method",
    ),
    Mutant(
        "an audit forgives a radius that is 2% short", f"{_AUDIT}/numbers.py",
        "TOLERANCE = 1e-5", "TOLERANCE = 0.02",
        f"{_FORGERIES}[one radius, to its lower bound]",
    ),
    Mutant(
        "an audit forgives a smoothing radius that is 2% short", f"{_AUDIT}/numbers.py",
        "TOLERANCE = 1e-5", "TOLERANCE = 0.02",
        f"{_FORGERIES}[one smoothing radius, by 1%]",
    ),
    Mutant(
        "the bound of an audit is that of one failure less", "shared_spec/src/shared_spec/stats.py",
        "hypergeom.cdf(found, population", "hypergeom.cdf(found - 1, population",
        "tests/bounds/test_stats.py::test_hypergeometric_bound_is_the_exact_one_and_never_above_that_of_independent_draws",
    ),
    Mutant(
        "an auditor looks at the first individuals", f"{_AUDIT}/evidence.py",
        "chosen = generator.choice(individuals, size=min(sample, individuals), replace=False)",
        "chosen = np.arange(min(sample, individuals))",
        "tests/pipeline/test_audit.py::test_everybody_is_as_likely_to_be_looked_at",
    ),
    Mutant(
        "whoever the data do not know has not failed", f"{_AUDIT}/examine.py",
        "len(drawn & found | drawn.difference(taken.sample_ids))", "len(drawn & found)",
        "tests/pipeline/test_audit.py::test_a_split_that_the_data_do_not_have_is_found",
    ),
    Mutant(
        "an audit lets a tube be late between its places", f"{_AUDIT}/dense_attack.py",
        "point = torch.lerp(mine.gather(1, index - 1), mine.gather(1, index), share[..., None])",
        "point = values",
        "tests/pipeline/test_audit.py"
        "::test_a_tube_that_holds_as_a_set_and_is_late_is_found_by_the_attack",
    ),
    Mutant(
        "an audit does not check: spec", f"{_AUDIT}/examine.py",
        "check_spec(evidence)", "Ledger('spec')",
        f"{_FORGERIES}[another attribute]",
    ),
    Mutant(
        "an audit does not check: encoder", f"{_AUDIT}/examine.py",
        "check_encoder(evidence)", "Ledger('encoder')",
        f"{_FORGERIES}[another method]",
    ),
    Mutant(
        "an audit does not check: data", f"{_AUDIT}/examine.py",
        "check_data(evidence)", "Ledger('data')",
        f"{_FORGERIES}[other data]",
    ),
    Mutant(
        "an audit does not check: statements", f"{_AUDIT}/examine.py",
        "check_statements(evidence)", "Ledger('statements')",
        f"{_FORGERIES}[an unknown setting]",
    ),
    Mutant(
        "an audit does not check: individuals", f"{_AUDIT}/examine.py",
        "check_individuals(evidence, split)", "Ledger('individuals', split)",
        f"{_FORGERIES}[the last dropped]",
    ),
    Mutant(
        "an audit does not check: labels", f"{_AUDIT}/examine.py",
        "check_labels(evidence, split)", "Ledger('labels', split)",
        f"{_FORGERIES}[a label]",
    ),
    Mutant(
        "an audit does not check: representation", f"{_AUDIT}/examine.py",
        "check_representation(evidence, taken)", "Ledger('representation', split)",
        f"{_FORGERIES}[R(z) of another]",
    ),
    Mutant(
        "an audit does not check: bounds", f"{_AUDIT}/examine.py",
        "check_bounds(evidence, taken, views, advance)", "Ledger('bounds', split)",
        f"{_FORGERIES}[one radius, to its lower bound]",
    ),
    Mutant(
        "an audit does not check: attack", f"{_AUDIT}/examine.py",
        "check_attack(evidence, taken, views)", "Ledger('attack', split)",
        f"{_FORGERIES}[tubes cut short]",
    ),
    Mutant(
        "a file's digest is not compared with its content", f"{_ARTIFACTS}/arrays.py",
        "if expected != actual:", "if expected is None:",
        "tests/formats/test_tensor_files.py::test_every_truncation_and_every_flipped_byte_is_refused",
    ),
    Mutant(
        "a shard's bounds are not compared with each other", "shared_spec/src/shared_spec/view_checks.py",
        "if bool(wrong.any()):", "if bool(wrong.all()):",
        "tests/hostile/test_bundles.py::test_shards_that_contradict_themselves_or_the_manifest[one person's radius]",
    ),
    Mutant(
        "what is signed is only opened", "shared_spec/src/shared_spec/trust/subjects.py",
        "    bundle.check_form()\n", "",
        "tests/trust/test_chain.py::test_a_broken_artefact_is_not_signed",
    ),
    Mutant(
        "a strip may be of any spec", f"{_ARTIFACTS}/strip.py",
        "if self.spec_digest != spec.digest:", "if False:",
        f"{_STRIP}::test_a_strip_that_says_what_cannot_be_is_refused_before_any_work",
    ),
    Mutant(
        "a picture may unpack without end", f"{_ARTIFACTS}/png.py",
        "_need(len(lines) == height * line and unpacking.eof and not unpacking.unused_data)", "lines = lines[:-1]",
        f"{_STRIP}::test_a_file_that_is_no_such_picture_is_refused[bytes after the pixels]",
    ),
    Mutant(
        "a picture's comment is not compared with the document", f"{_ARTIFACTS}/certificate.py",
        "if strip.entry != document.strip:", "if False:",
        f"{_STRIP}::test_a_certificate_says_of_its_strip_what_the_strip_says",
    ),
    Mutant(
        "groups are not counted again", "consumer/src/consumer/verification.py",
        '_compare(certificate, "groups", groups, again.groups)', "",
        "tests/pipeline/test_groups.py::test_other_counts_are_refused_though_every_digest_is_right",
    ),
    Mutant(
        "small groups are not even mentioned", "consumer/src/consumer/groups.py",
        "few = [group for group, size in sizes.items() if 0 < size < FEWEST]", "few = list[int]()",
        "tests/pipeline/test_groups.py::test_nothing_is_told_of_fewer_than_ten_but_that_they_are_there",
    ),
    Mutant(
        "between its pictures an explanation decides other points", "producer/src/producer/explaining/decisions.py",
        "torch.lerp(left[piece], right[piece], share.unsqueeze(1))", "left[piece]",
        "tests/pipeline/test_explain.py::test_decisions_between_changes_are_those_of_every_place",
    ),
    Mutant(
        "predictions with an expired certificate", "consumer/src/consumer/prediction.py",
        "load_current_certificate(head)", "load_certificate(head)",
        "tests/pipeline/test_imprint.py::test_after_its_last_day_nothing_is_done_with_it[predict]",
    ),
    Mutant(
        "of two parts that are the same share the first counts", "shared_spec/src/shared_spec/artifacts/parts.py",
        "if twin.document.content_digest != part.document.content_digest:", "if False:",
        f"{_PARTS}::test_two_parts_that_claim_a_share_with_other_bytes_are_refused",
    ),
    Mutant(
        "a part may decide anybody", "consumer/src/consumer/merging.py",
        "if rows is None or rows.sample_id != list(people.sample_ids):", "if rows is None:",
        f"{_PARTS}::test_a_part_that_is_not_what_it_says_is_refused",
    ),
    Mutant(
        "a device is not tried", "producer/src/producer/views/network.py",
        "        require_float64(encoder.device)\n", "",
        f"{_ARITHMETIC}::test_a_device_that_multiplies_otherwise_is_refused[mm-as_tf32]",
    ),
    Mutant(
        "float64 may be put together from integers", "shared_spec/src/shared_spec/arithmetic.py",
        'if device.type != "cpu" and os.environ.get(_EMULATION, "0") != "0":', "if False:",
        f"{_ARITHMETIC}::test_products_put_together_are_refused_but_on_the_host",
    ),
    Mutant(
        "latents are encoded in TF32 where somebody allows it", "shared_spec/src/shared_spec/latents.py",
        "@full_precision()\n", "",
        f"{_ARITHMETIC}::test_a_latent_is_the_same_however_loose_whoever_calls_is",
    ),
    Mutant(
        "bounds are computed as precisely as whoever calls likes", f"{_EXACT}/bounds.py",
        "@full_precision()\ndef certify_exact(", "def certify_exact(",
        f"{_ARITHMETIC}::test_whatever_bounds_does_so_in_full_precision[bound_exactly]",
    ),
    Mutant(
        "what was made on the host stays there", f"{_EXACT}/sets.py",
        "start = cover(len(rays.slopes), rays.slopes.device)", "start = cover(len(rays.slopes))",
        "tests/bounds/test_accelerator.py::test_exact_bounds_on_a_device_are_those_of_the_host[far-2-options2]",
    ),
    Mutant(
        "something may stand beside a dictionary", f"{_ARTIFACTS}/parquet_layout.py",
        '                raise ValueError("something beside a dictionary")',
        "                pass",
        "tests/hostile/test_tables.py::test_pages_that_are_not_what_they_say_are_refused",
    ),
    Mutant(
        "pages need not hold all values", f"{_ARTIFACTS}/parquet_layout.py",
        '        _expect("values of a column", values, group.rows)\n',
        "",
        "tests/hostile/test_tables.py::test_pages_that_are_not_what_they_say_are_refused",
    ),
    Mutant(
        "a column may have pages without end", f"{_ARTIFACTS}/parquet_layout.py",
        "            if values > group.rows:  # at once: pages can be many and small",
        "            if False:",
        "tests/hostile/test_tables.py::test_a_column_of_a_hundred_thousand_pages_is_refused_at_once",
    ),
    Mutant(
        "a dictionary may have more words than rows", f"{_ARTIFACTS}/parquet_layout.py",
        "        if not 0 <= about.get(1, -1) <= rows:",
        "        if about.get(1, -1) < 0:",
        "tests/hostile/test_tables.py::test_pages_that_are_not_what_they_say_are_refused",
    ),
    Mutant(
        "a page may be larger unpacked", f"{_ARTIFACTS}/parquet_layout.py",
        '            _expect("bytes of a page", page.get(2), size)\n',
        "",
        "tests/hostile/test_tables.py::test_pages_that_are_not_what_they_say_are_refused",
    ),
    Mutant(
        "a page may have any number of values", f"{_ARTIFACTS}/parquet_layout.py",
        " or not 0 < about[1] <= rows:",
        " or about[1] < 0:",
        "tests/hostile/test_tables.py::test_pages_that_are_not_what_they_say_are_refused",
    ),
    Mutant(
        "bytes may stand before the description", f"{_ARTIFACTS}/parquet_layout.py",
        '    _expect("the end of the last row group", groups[-1].end if groups else len(MAGIC), end)\n',
        "",
        "tests/hostile/test_tables.py::test_bytes_between_rows_and_description_are_refused",
    ),
    Mutant(
        "a column may be larger unpacked", f"{_ARTIFACTS}/parquet_layout.py",
        '    _expect(f"{name}: bytes", about.get(6), about.get(7))\n',
        "",
        "tests/hostile/test_tables.py::test_a_column_that_would_be_larger_unpacked_is_refused",
    ),
    Mutant(
        "binomial tails are not rounded up", "shared_spec/src/shared_spec/stats.py",
        "* (1.0 + _TAIL_ACCURACY)",
        "",
        "tests/bounds/test_stats.py::test_the_index_never_fails_more_often_than_alpha_where_tail_and_alpha_are_one_number",
    ),
    Mutant(
        "a receipt may leave out a view", f"{_ARTIFACTS}/receipt.py",
        "    if sorted(row.view for row in rows) != sorted(document.claims):",
        "    if len({row.view for row in rows}) != len(rows):",
        "tests/pipeline/test_receipts.py::test_each_refusal_says_what_is_wrong",
    ),
    Mutant(
        "rounding is bounded where no draw falls", "producer/src/producer/views/smoothing/sampling.py",
        "reach = similarity.epsilon + sigma * _FARTHEST_DRAW * math.sqrt(similarity.k)",
        "reach = similarity.epsilon",
        "tests/bounds/test_smoothing_encoder.py::test_evaluation_is_bounded_as_far_away_as_draws_can_fall",
    ),
    Mutant(
        "a search decides elsewhere than the model", "producer/src/producer/searching.py",
        "            points = bounds.centre\n",
        "            points = 0 * bounds.centre\n",
        "tests/pipeline/test_search.py::test_every_cell_of_the_grid_is_scored_in_both_views",
    ),
    Mutant(
        "smoothing may state something along chains", f"{_ARTIFACTS}/bundle_documents.py",
        "if self.spec.similar != Similar.VECTORS and view.statement != Statement.X:",
        "if False:",
        "tests/hostile/test_bundles.py::test_manifests_that_do_not_fit_what_they_describe",
    ),
    Mutant(
        "norms of a neuron's moves may underflow", "producer/src/producer/views/smoothing/sampling.py",
        "swing = norm_above(directions, dim=0) * (",
        "swing = torch.linalg.vector_norm(directions, dim=0) * (",
        "tests/bounds/test_smoothing.py::test_neurons_whose_squares_underflow_still_change",
    ),
    Mutant(
        "distances may underflow", "producer/src/producer/views/smoothing/medoid.py",
        "return norm(samples - centre, dim=1)",
        "return torch.nan_to_num(torch.linalg.vector_norm(samples - centre, dim=1), nan=torch.inf)",
        "tests/bounds/test_smoothing.py::test_neurons_whose_squares_underflow_still_change",
    ),
    Mutant(
        "witnesses may be noise", f"{_EXACT}/view.py",
        "bound.rounding <= 2.0**-22 * (1.0 + size)", "bound.rounding <= size + 1.0",
        "tests/bounds/test_hand_over.py::test_nobody_is_bounded_whose_vertices_could_be_noise",
    ),
    Mutant(
        "claims may leave out a failure probability", f"{_ARTIFACTS}/claim_documents.py",
        "if not math.isclose(self.alpha_per_individual, total, rel_tol=_ROUNDING):", "if False:",
        "tests/hostile/test_certificates.py::test_documents_that_do_not_follow",
    ),
    Mutant(
        "claims may be better than their counts", f"{_ARTIFACTS}/claim_documents.py",
        "if stated < least and not math.isclose(stated, least, rel_tol=_ROUNDING):", "if False:",
        "tests/hostile/test_certificates.py::test_documents_that_do_not_follow",
    ),
    Mutant(
        "upper bounds are shown to the nearest digit", "shared_spec/src/shared_spec/population.py",
        "Decimal(1).scaleb(last), ROUND_CEILING)", "Decimal(1).scaleb(last))",
        "tests/bounds/test_population.py::test_upper_bounds_are_never_shown_below_themselves",
    ),
)  # fmt: skip
