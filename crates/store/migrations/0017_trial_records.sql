-- Records of tried answers are forgotten after a while: those that are still there are found without reading all.
create index trial_results_recorded on trial_results (run_id) where record is not null;
