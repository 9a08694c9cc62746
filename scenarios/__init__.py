"""What stands behind the names on the command line: plain dicts, name -> "module:attribute".

A new scenario, method or network is one line here; one of your own needs none, since `package.module:attr` and
`file.py:attr` work wherever a name is expected. Nothing is imported until a name is used.
"""

SCENARIOS = {
    "xor": "scenarios.xor:scenario",
    "parity": "scenarios.parity:scenario",
    "two_spirals": "scenarios.two_spirals:scenario",
    "digits": "scenarios.digits:scenario",
    "breast_cancer": "scenarios.breast_cancer:scenario",
    "wine": "scenarios.wine:scenario",
    "diabetes": "scenarios.diabetes:scenario",
    "mnist": "scenarios.mnist:scenario",
    "fashion_mnist": "scenarios.fashion_mnist:scenario",
    "linear_float": "scenarios.linear_float:scenario",
    "cartpole": "scenarios.cartpole:scenario",
    "acrobot": "scenarios.acrobot:scenario",
    "mountain_car": "scenarios.mountain_car:scenario",
    "mountain_car_continuous": "scenarios.mountain_car_continuous:scenario",
    "pendulum": "scenarios.pendulum:scenario",
    "swing_up": "scenarios.swing_up:scenario",
    "single_pole": "scenarios.single_pole:scenario",
    "double_pole": "scenarios.double_pole:scenario",
    "double_pole_no_velocity": "scenarios.double_pole_no_velocity:scenario",
    "visual_discrimination": "scenarios.visual_discrimination:scenario",
    "retina": "scenarios.retina:scenario",
    "bit_mirroring": "scenarios.bit_mirroring:scenario",
    "cppn_image": "scenarios.cppn_image:scenario",
    "t_maze": "scenarios.t_maze:scenario",
    "pressure_vessel": "scenarios.pressure_vessel:scenario",
    "mackey_glass": "scenarios.mackey_glass:scenario",
    "spoken_digits": "scenarios.spoken_digits:scenario",
    "bbob": "scenarios.bbob:scenario",
    "finite_sample_bias": "scenarios.finite_sample_bias:scenario",
    "finite_sample_bias_gaussian": "scenarios.finite_sample_bias_gaussian:scenario",
    "finite_sample_bias_quadratic": "scenarios.finite_sample_bias_quadratic:scenario",
    "karate": "scenarios.karate:scenario",
    "blogcatalog": "scenarios.blogcatalog:scenario",
    "cora": "scenarios.cora:scenario",
    "citeseer": "scenarios.citeseer:scenario",
}

METHODS = {
    "ga": "evo.search.ga:GA",
    "deep-ga": "evo.search.deep_ga:DeepGA",
    "nsga2": "evo.search.nsga2:NSGA2",
    "openai-es": "evo.search.openai_es:OpenAIES",
    "snes": "evo.search.snes:SNES",
    "xnes": "evo.search.xnes:XNES",
    "pgpe": "evo.search.pgpe:PGPE",
    "cma-es": "evo.search.cma_es:CMAES",
    "sep-cma-es": "evo.search.sep_cma_es:SepCMAES",
    "ars": "evo.search.ars:ARS",
    "cosyne": "evo.search.cosyne:CoSyNE",
    "low-rank-es": "evo.search.low_rank_es:LowRankES",
    "node-perturbation": "evo.search.node_perturbation:NodePerturbation",
    "de": "evo.search.de:DE",
    "neat": "evo.neat.neat:NEAT",
    "neat-modern": "evo.neat_modern.neat_modern:ModernNEAT",
    "cppn": "evo.hyperneat.picture_neat:CPPN",
    "cppn-modern": "evo.hyperneat.picture_neat:ModernCPPN",
    "hyperneat": "evo.hyperneat.hyperneat:HyperNEAT",
    "hyperneat-leo": "evo.hyperneat.hyperneat:HyperNEATLEO",
    "es-hyperneat": "evo.hyperneat.es_hyperneat:ESHyperNEAT",
    "es-hyperneat-leo": "evo.hyperneat.es_hyperneat:ESHyperNEATLEO",
    "adaptive-hyperneat": "evo.hyperneat.adaptive:AdaptiveHyperNEAT",
    "random-search": "baselines.random_search:RandomSearch",
    "backprop": "baselines.backprop:Backprop",
    "backstitch": "baselines.backstitch:BackstitchDescent",
    "sam": "baselines.sam:SAMDescent",
    "linear": "baselines.classical:linear",
    "svm": "baselines.classical:svm",
    "knn": "baselines.classical:knn",
    "forest": "baselines.classical:forest",
    "deepwalk": "graphs.learner:deepwalk",
    "node2vec": "graphs.learner:node2vec",
    "walklets": "graphs.learner:walklets",
    "diff2vec": "graphs.learner:diff2vec",
    "prone": "graphs.learner:prone",
    "netmf": "graphs.learner:netmf",
    "grarep": "graphs.learner:grarep",
    "label-propagation": "graphs.propagation:label_propagation",
    "gradient-boosting": "baselines.classical:gradient_boosting",
    "sklearn:": "baselines.classical:sklearn_method",  # a prefix: sklearn:Name is sklearn_method("Name")
}

ALIASES = {"ga-nsga2": "nsga2"}  # what methods were once called: stored runs name them so

NETWORKS = {
    "mlp": "evo.vectors.modules:MLP",
    "cnn": "evo.vectors.modules:CNN",
    "rnn": "evo.vectors.recurrent:RNN",
    "lstm": "evo.vectors.recurrent:LSTM",
    "gru": "evo.vectors.recurrent:GRU",
    "rwa": "evo.vectors.recurrent:RWA",
    "linear-float": "evo.vectors.linear_float:LinearFloat",
}

TABLE = "scenarios.tables:table_scenario"  # a scenario of a user's table: table.csv::COLUMN
SERIES = "scenarios.series:series_scenario"  # of a file of sequences: series.ts
GYMNASIUM = "scenarios.control:gymnasium_scenario"  # of an id of Gymnasium: LunarLander-v3
ENVIRONMENT = "scenarios.control:environment_scenario"  # of a user's environment: file.py:Class
